// Reads what is typed into the search field: words of a name, and tags as key=value.

export interface Filter {
  // Lower case; each must occur.
  readonly words: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
}

export interface Named {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
}

// A part in double quotes may have spaces: host="web 1".
export function parseFilter(text: string): Filter {
  const words: string[] = [];
  const tags: Record<string, string> = Object.create(null);
  for (const match of text.matchAll(/(?:"[^"]*"?|[^\s"])+/g)) {
    const part = match[0];
    const equals = part.indexOf('=');
    const bare = (piece: string): string => piece.replaceAll('"', '');
    if (equals > 0 && equals < part.length - 1) {
      tags[bare(part.slice(0, equals))] = bare(part.slice(equals + 1));
    } else {
      const word = bare(part.replace(/=$/, '')).toLowerCase();
      if (word !== '') words.push(word);
    }
  }
  return {words, tags};
}

// A word occurs in the name, in a key or in a value; a tag is equal, or begins so while it is typed.
export function matches(metric: Named, filter: Filter): boolean {
  for (const [key, value] of Object.entries(filter.tags)) {
    if (!metric.tags[key]?.startsWith(value)) return false;
  }
  return filter.words.every((word) => textOf(metric).includes(word));
}

export function nameMatches(name: string, filter: Filter): boolean {
  const lower = name.toLowerCase();
  return filter.words.every((word) => lower.includes(word));
}

function textOf(metric: Named): string {
  let text = metric.name;
  for (const [key, value] of Object.entries(metric.tags)) text += `\n${key}=${value}`;
  return text.toLowerCase();
}
