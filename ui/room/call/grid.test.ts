import { expect, test } from 'vitest';
import { gridFor, tilesInStrip, tilesPerPage } from './grid';

const desktop = { width: 1256, height: 680 };
const phone = { width: 374, height: 680 };

test('two people stand side by side on a wide screen and above each other on a phone', () => {
  expect(gridFor(2, desktop)).toMatchObject({ columns: 2, rows: 1 });
  expect(gridFor(2, phone)).toMatchObject({ columns: 1, rows: 2 });
});

test('tiles never leave the stage', () => {
  for (const area of [desktop, phone, { width: 900, height: 200 }]) {
    for (let count = 1; count <= tilesPerPage(area); count++) {
      const { columns, rows, tile } = gridFor(count, area);
      expect(columns * rows).toBeGreaterThanOrEqual(count);
      expect(columns * tile.width + (columns - 1) * 8).toBeLessThanOrEqual(area.width);
      expect(rows * tile.height + (rows - 1) * 8).toBeLessThanOrEqual(area.height);
    }
  }
});

test('a page never has more tiles than can be watched', () => {
  expect(tilesPerPage({ width: 4000, height: 3000 })).toBe(25);
  expect(tilesPerPage(phone)).toBeLessThanOrEqual(12);
  expect(tilesPerPage({ width: 10, height: 10 })).toBe(1);
});

test('a stage without a size breaks nothing', () => {
  expect(gridFor(0, { width: 0, height: 0 }).tile).toEqual({ width: 1, height: 1 });
});

test('the strip is bounded', () => {
  expect(tilesInStrip({ width: 5000, height: 5000 }, true)).toBe(8);
  expect(tilesInStrip(phone, false)).toBe(3);
});
