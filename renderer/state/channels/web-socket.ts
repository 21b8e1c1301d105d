import { attachChannel, useConnection } from '../connection.ts';

const tokenKey = 'mlsysops.token';
const firstRetryMs = 250;
/** Long enough not to burden a machine that is waking up, short enough to be back before one looks again. */
const longestRetryMs = 8000;

/** Takes the token out of `#token=…`, so that it stays neither in the address bar nor in the history; kept for a reload. */
export function takeToken(): string | null {
  const found = /(?:^#|&)token=([^&]+)/.exec(location.hash)?.[1];
  if (found) {
    sessionStorage.setItem(tokenKey, decodeURIComponent(found));
    history.replaceState(null, '', location.pathname + location.search);
  }
  return sessionStorage.getItem(tokenKey);
}

/** Browser: a WebSocket to the same origin, opened again with back-off whenever it is lost. */
export function connectWebSocket(token: string | null): void {
  let retryMs = firstRetryMs;
  const url = new URL('rpc', location.origin);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';

  const connect = () => {
    const socket = new WebSocket(url, token ? ['mlsysops', `mlsysops.token.${token}`] : ['mlsysops']);
    socket.addEventListener('open', () => {
      retryMs = firstRetryMs;
      attachChannel({
        send: (frame) => {
          if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
        },
        onFrame: (listener) => socket.addEventListener('message', (message) => listener(JSON.parse(String(message.data)))),
        onClose: (listener) => socket.addEventListener('close', () => listener()),
      });
    });
    socket.addEventListener('close', () => {
      const { client, failures } = useConnection.getState();
      useConnection.setState({ state: client ? 'reconnecting' : 'connecting', failures: failures + 1 });
      setTimeout(connect, retryMs);
      retryMs = Math.min(retryMs * 2, longestRetryMs);
    });
  };
  connect();
}
