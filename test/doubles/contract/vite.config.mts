import { mergeConfig } from 'vite';
import renderer from '../../../renderer/vite.config.mts';

/** The dev page of the renderer on the contract's double: `npx vite --config test/doubles/contract/vite.config.mts`. Never part of dist/renderer. */
export default mergeConfig(renderer, {
  root: import.meta.dirname,
  build: {
    outDir: process.env.OUT_DIR ?? '../../../dist/doubles/window',
    rollupOptions: { input: `${import.meta.dirname}/dev.html` },
  },
  server: { host: '127.0.0.1', fs: { allow: ['../../..'] } },
});
