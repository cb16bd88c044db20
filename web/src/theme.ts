// Sets the colours ahead of the first paint.
//
// Loaded on its own in the page's head: the content security policy allows no inline script.

import {applyTheme} from './theme_choice.ts';

applyTheme();
