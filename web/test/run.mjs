// Runs the unit tests of the page, and writes a report as the other test programs do.
//
// Usage: node test/run.mjs [REPORT.xml]. Exit status 1 when one failed, was skipped, or there was none.

import {buildSync} from 'esbuild';
import {mkdirSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {basename, dirname, join} from 'node:path';
import {run} from 'node:test';
import {fileURLToPath} from 'node:url';

const tests = dirname(fileURLToPath(import.meta.url));
const built = join(tests, '..', 'node_modules', '.varve-tests');

/** @param {string} text */
function escape(text) {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

// Node 18 knows no types: they are taken out first.
rmSync(built, {recursive: true, force: true});
mkdirSync(built, {recursive: true});
buildSync({
  entryPoints: readdirSync(tests)
                   .filter((name) => name.endsWith('.test.ts'))
                   .map((name) => join(tests, name)),
  bundle: true,
  platform: 'node',
  format: 'esm',
  outExtension: {'.js': '.mjs'},
  outdir: built,
  sourcemap: 'inline',
});

let cases = '';
let passed = 0;
let failed = 0;

/**
 * @param {any} event
 * @param {string} outcome
 */
function add(event, outcome) {
  const {name, file} = event;
  // Node 18 counts each file as a test besides what is in it; one that could not run at all counts.
  if (name.endsWith('.mjs') && outcome === '') return;
  if (outcome === '')
    passed += 1;
  else
    failed += 1;
  cases += `<testcase classname="web.${escape(basename(file ?? 'test', '.mjs'))}" name="${
      escape(name)}" status="run">${outcome}</testcase>\n`;
}

const files = readdirSync(built).map((name) => join(built, name));
for await (const {type, data} of /** @type {AsyncIterable<any>} */ (run({files}))) {
  const suite = data?.details?.type === 'suite';
  if (type === 'test:pass' && !suite) {
    add(data, data.skip !== undefined ? '<skipped/>' : '');
  } else if (type === 'test:fail' && !suite) {
    const error = data.details?.error;
    const text = String(error?.cause?.stack ?? error?.stack ?? error);
    console.log(`${data.name}: ${text}`);
    add(data, `<failure message="${escape(text)}"/>`);
  }
}
const report = process.argv[2];
if (report !== undefined)
  writeFileSync(report, `<testsuites><testsuite>\n${cases}</testsuite></testsuites>\n`);
console.log(`web: ${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
