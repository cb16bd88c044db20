// Bundles the page and writes it as files, or as the C++ source that the server carries.
//
// Usage: node build.mjs DIR                 files, to look at
//        node build.mjs FILE.cc FILE.d      a source for src/server/http/ui_files.h, and what it is made of
//
// Names of assets carry a hash of what is in them, so that a browser may keep them for good; index.html is
// what names them. The same sources give the same bytes.

import {build} from 'esbuild';
import {createHash} from 'node:crypto';
import {mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {basename, dirname, extname, join, relative, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {gzipSync} from 'node:zlib';

const top = dirname(fileURLToPath(import.meta.url));
const sources = join(top, 'src');
const licence = join(top, 'node_modules', 'uplot', 'LICENSE');
const page = join(sources, 'index.html');

/** @type {Record<string, string>} */
const types = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/**
 * @typedef {{path: string, content: Buffer}} Asset
 * `path` is what follows /ui/; that of the page is empty.
 */

/** @param {Uint8Array} content */
function hashOf(content) {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}

/**
 * @param {string} name
 * @param {Uint8Array} content
 * @returns {Asset}
 */
function hashed(name, content) {
  const extension = extname(name);
  return {
    path: `${basename(name, extension)}-${hashOf(content)}${extension}`,
    content: Buffer.from(content)
  };
}

/** @returns {Promise<{assets: Asset[], inputs: string[]}>} */
async function bundle() {
  const built = await build({
    absWorkingDir: top,
    entryPoints: ['main.ts', 'theme.ts', 'style.css'].map((name) => join(sources, name)),
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'iife',
    target: ['es2022'],
    outdir: 'out',
    logLevel: 'warning',
  });
  const assets = built.outputFiles.map((file) => hashed(basename(file.path), file.contents));
  for (const [name, file] of [['icon.svg', join(sources, 'icon.svg')], ['licences.txt', licence]]) {
    assets.push(hashed(/** @type {string} */ (name), readFileSync(/** @type {string} */ (file))));
  }
  const byName =
      new Map(assets.map((asset) => [asset.path.replace(/-[0-9a-f]{16}(?=\.)/, ''), asset.path]));
  const html = readFileSync(page, 'utf8').replaceAll(/\{\{([\w.]+)\}\}/g, (_, name) => {
    const path = byName.get(name);
    if (path === undefined) throw new Error(`index.html names ${name}, which is not built`);
    return `/ui/${path}`;
  });
  assets.push({path: '', content: Buffer.from(html)});
  const inputs = Object.keys(built.metafile.inputs).map((name) => resolve(top, name));
  return {
    assets,
    inputs: [...inputs, page, licence, join(sources, 'icon.svg'), fileURLToPath(import.meta.url)]
  };
}

/**
 * @param {string} name
 * @param {Buffer} bytes
 */
function array(name, bytes) {
  let lines = '';
  for (let i = 0; i < bytes.length; i += 32)
    lines += `    ${[...bytes.subarray(i, i + 32)].join(',')},\n`;
  return `constexpr unsigned char ${name}[] = {\n${lines}};\n`;
}

/** @param {Asset[]} assets */
function cppSource(assets) {
  let arrays = '';
  let entries = '';
  assets.forEach(({path, content}, i) => {
    const zipped = gzipSync(content, {level: 9});
    arrays += array(`kPlain${i}`, content) + array(`kZipped${i}`, zipped);
    const type = types[extname(path === '' ? page : path)];
    const bytes = `Text(kPlain${i}), Text(kZipped${i})`;
    entries += `    {"${path}", "${type}", "\\"${hashOf(content)}\\"", ${bytes}},\n`;
  });
  return `// Written by web/build.mjs; the sources are in web/.
#include "server/http/ui_files.h"

namespace varve::server {
namespace {

template <size_t N>
std::string_view Text(const unsigned char (&bytes)[N]) {
  return {reinterpret_cast<const char*>(bytes), N};
}

${arrays}
}  // namespace

std::span<const UiFile> UiFiles() {
  static const UiFile kFiles[] = {
${entries}  };
  return kFiles;
}

}  // namespace varve::server
`;
}

const [target, depfile] = process.argv.slice(2);
if (target === undefined) throw new Error('usage: build.mjs DIR | FILE.cc FILE.d');
const {assets, inputs} = await bundle();
if (depfile !== undefined) {
  const escaped = inputs.map((file) => file.replaceAll(' ', '\\ '));
  writeFileSync(depfile, `${target.replaceAll(' ', '\\ ')}: ${escaped.join(' ')}\n`);
  writeFileSync(target, cppSource(assets));
} else {
  rmSync(target, {recursive: true, force: true});
  mkdirSync(target, {recursive: true});
  for (const {path, content} of assets)
    writeFileSync(join(target, path === '' ? 'index.html' : path), content);
  const size = assets.reduce((sum, {content}) => sum + content.length, 0);
  console.log(`${assets.length} files, ${size} bytes in ${relative(process.cwd(), target)}`);
}
