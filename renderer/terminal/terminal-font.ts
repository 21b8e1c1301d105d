import type { Terminal } from '@xterm/xterm';

/** What is there before the font of the app has come. */
const meanwhile = 'monospace';

/**
 * Shows a terminal in a font family once it has been loaded. A terminal measures some characters as soon as it opens: in the font that stands in, they
 * would be a fraction wider than all others for ever, and each space would be drawn as an element of its own, which makes a frame six times as dear.
 */
export function showFontWhenLoaded(
  terminal: Pick<Terminal, 'options'>,
  family: string,
  changed: () => void,
  fonts: Pick<FontFaceSet, 'check' | 'load'> = document.fonts,
): void {
  const font = `${terminal.options.fontSize}px ${family}`;
  if (fonts.check(font)) {
    terminal.options.fontFamily = family;
    return;
  }
  terminal.options.fontFamily = meanwhile;
  const show = () => {
    terminal.options.fontFamily = family;
    changed();
  };
  // Where the file cannot be had, the family names others that the computer may have.
  fonts.load(font).then(show, show);
}
