import { type App, type Session, shell, type WebContents } from 'electron';

/** Pages of ours come from here alone. */
export const appScheme = 'mlsysops-app';
export const appOrigin = `${appScheme}://app`;

/** Whether an address is one of the app's own pages. */
export const isOurs = (url: string): boolean => url === appOrigin || url.startsWith(`${appOrigin}/`);

/** What may be opened outside, by the user's own browser: pages, never files or programs. */
export function isPage(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, username, password } = new URL(url);
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === '';
}

/** Everything is refused unless it is named here: no page of anybody else, no window but ours, no device, no permission. */
export function guardContents(app: App): void {
  app.on('web-contents-created', (_event, contents: WebContents) => {
    contents.on('will-navigate', (event) => event.preventDefault());
    contents.on('will-frame-navigate', (event) => event.preventDefault());
    contents.on('will-redirect', (event) => event.preventDefault());
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(({ url }) => {
      if (isPage(url)) void shell.openExternal(url);
      return { action: 'deny' };
    });
  });
}

/** Writing to the clipboard by a click is all that a page of ours needs. */
export function guardSession(session: Session): void {
  const allowed = (permission: string, url: string | undefined): boolean =>
    permission === 'clipboard-sanitized-write' && url !== undefined && isOurs(url);
  session.setPermissionRequestHandler((contents, permission, decide, { requestingUrl }) =>
    decide(allowed(permission, requestingUrl || contents.getURL())),
  );
  session.setPermissionCheckHandler((contents, permission, origin) => allowed(permission, contents?.getURL() ?? origin));
  session.setDevicePermissionHandler(() => false);
  // A page of ours loads nothing from elsewhere; the content security policy says so, too.
  session.webRequest.onBeforeRequest(
    { urls: ['http://*/*', 'https://*/*', 'ws://*/*', 'wss://*/*', 'file://*/*'] },
    (_details, decide) => decide({ cancel: true }),
  );
}
