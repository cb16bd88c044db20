// Remembers whether light or dark was chosen; without a choice the system's setting holds.

export type Theme = 'light'|'dark';

const kKey = 'varve.theme';

const darkSystem = matchMedia('(prefers-color-scheme: dark)');

// undefined: none, or the browser keeps nothing for this page.
function chosenTheme(): Theme|undefined {
  try {
    const kept = localStorage.getItem(kKey);
    return kept === 'light' || kept === 'dark' ? kept : undefined;
  } catch {
    return undefined;
  }
}

export function currentTheme(): Theme {
  return chosenTheme() ?? (darkSystem.matches ? 'dark' : 'light');
}

export function applyTheme(): void {
  document.documentElement.dataset['theme'] = currentTheme();
}

export function chooseTheme(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme;
  try {
    localStorage.setItem(kKey, theme);
  } catch {
    // It holds until the page is left.
  }
}

export function onSystemTheme(changed: () => void): void {
  darkSystem.addEventListener('change', changed);
}
