/**
 * xterm writes its rules into `<style>` elements, which our content security policy forbids. Style sheets made by script are allowed, so
 * while `open` runs, each style element that is made hands its text to such a sheet instead. Returns the way to take them out again.
 */
export function withAdoptedStyles(open: () => void): () => void {
  const sheets: CSSStyleSheet[] = [];
  const original = document.createElement;
  const create = (name: string, options?: ElementCreationOptions): HTMLElement => {
    if (name !== 'style') return original.call(document, name, options);
    // Stands in the document in its place; even an empty style element would be reported as a violation.
    const element = original.call(document, 'template');
    const sheet = new CSSStyleSheet();
    sheets.push(sheet);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    Object.defineProperty(element, 'textContent', {
      get: () => '',
      set: (text: string) => sheet.replaceSync(text),
    });
    return element;
  };
  document.createElement = create as typeof document.createElement;
  try {
    open();
  } finally {
    document.createElement = original;
  }
  return () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => !sheets.includes(sheet));
  };
}

/**
 * xterm writes the 24-bit colours of cells by `setAttribute('style', …)`, which the policy forbids as well, while the same text given to the
 * element's style object is allowed. From the first call on, spans take the one for the other.
 */
export function styleSpansByObject(): void {
  if (Object.hasOwn(HTMLSpanElement.prototype, 'setAttribute')) return;
  HTMLSpanElement.prototype.setAttribute = function (this: HTMLSpanElement, name: string, value: string) {
    if (name === 'style') this.style.cssText = value;
    else Element.prototype.setAttribute.call(this, name, value);
  };
}
