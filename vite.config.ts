/// <reference types="vitest/config" />
// One configuration for the room page, the script of the other pages and the browser parts of all
// first-party plugins: put `plugins/<name>/ui/room.tsx` there and it is built.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const root = import.meta.dirname;
const at = (path: string) => resolve(root, path);

const CORE = { 'core/room': 'ui/room/main.tsx', 'core/site': 'ui/site/site.ts', 'core/lecture': 'ui/site/lecture/main.ts' };
const PLUGIN_FILES = ['room.tsx', 'room.ts', 'page.tsx', 'page.ts', 'scene.ts'];

function pluginEntries(): [string, string][] {
  const names = existsSync(at('plugins')) ? readdirSync(at('plugins')) : [];
  return names.flatMap((name) =>
    PLUGIN_FILES.map((file): [string, string] => [
      `plugins/${name}/${file.replace(/\.tsx?$/, '')}`,
      `plugins/${name}/ui/${file}`,
    ]),
  );
}

function entries(): Record<string, string> {
  const all = [...Object.entries(CORE), ...pluginEntries()];
  return Object.fromEntries(all.filter(([, file]) => existsSync(at(file))));
}

function iconSymbol(name: string): string {
  const svg = readFileSync(at(`node_modules/lucide-static/icons/${name}.svg`), 'utf8');
  const drawing = svg.replace(/^[\s\S]*?<svg[\s\S]*?>/, '').replace('</svg>', '');
  return `<symbol id="${name}" viewBox="0 0 24 24">${drawing.replace(/\s+/g, ' ')}</symbol>`;
}

/** One sprite for Jinja, the room and third-party plugins; its names are the words of ui/icons.txt. */
function iconSprite(): Plugin {
  const names = readFileSync(at('ui/icons.txt'), 'utf8').split(/\s+/).filter(Boolean);
  return {
    name: 'icon-sprite',
    apply: 'build',
    generateBundle() {
      const symbols = [...new Set(names)].map(iconSymbol).join('');
      const source = `<svg xmlns="http://www.w3.org/2000/svg">${symbols}</svg>`;
      this.emitFile({ type: 'asset', fileName: 'icons.svg', source });
    },
  };
}

const COMPRESSED = /\.(js|css|svg)$/;

/** Leaves `.br` and `.gz` beside each text file, which the web hands out as they are. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    writeBundle({ dir = '' }, files) {
      if (this.meta.watchMode) return;
      for (const name of Object.keys(files).filter((file) => COMPRESSED.test(file))) {
        const content = readFileSync(resolve(dir, name));
        writeFileSync(resolve(dir, `${name}.gz`), gzipSync(content, { level: 9 }));
        writeFileSync(resolve(dir, `${name}.br`), brotliCompressSync(content));
      }
    },
  };
}

export default defineConfig({
  root,
  base: '/static/dist/',
  publicDir: false,
  resolve: { alias: { '@audimax/room': at('ui/room/sdk.ts'), '@audimax/page': at('ui/site/page.tsx'), '@audimax/kit': at('ui/kit.tsx') } },
  plugins: [iconSprite(), compressed()],
  build: {
    outDir: 'core/static/dist',
    emptyOutDir: true,
    manifest: 'manifest.json',
    target: 'es2022',
    sourcemap: true,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      input: entries(),
      // Vite's default would drop the `export default` of a plugin.
      preserveEntrySignatures: 'exports-only',
      output: {
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/, priority: 20 },
            { name: 'livekit', test: /node_modules[\\/]livekit-client/, priority: 20 },
            { name: 'livekit-hooks', test: /node_modules[\\/](@livekit|rxjs|usehooks-ts|clsx)/, priority: 10 },
          ],
        },
      },
    },
  },
  test: {
    environment: 'jsdom',
    include: ['ui/**/*.test.{ts,tsx}', 'plugins/*/ui/**/*.test.{ts,tsx}'],
    restoreMocks: true,
    testTimeout: 20_000,
  },
});
