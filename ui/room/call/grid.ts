/** How many tiles go on a page, and how large they are. */

export interface Size {
  width: number;
  height: number;
}
export interface Grid {
  columns: number;
  rows: number;
  tile: Size;
}

const GAP = 8;
const WIDEST = 16 / 9;
const NARROWEST = { landscape: 4 / 3, portrait: 3 / 4 };
const MOST_TILES = 25;
const SMALLEST: Size = { width: 150, height: 112 };

function tileIn(cell: Size, narrowest: number): Size {
  const ratio = cell.width / cell.height;
  if (ratio > WIDEST) return { width: cell.height * WIDEST, height: cell.height };
  if (ratio < narrowest) return { width: cell.width, height: cell.width / narrowest };
  return cell;
}

function withColumns(count: number, columns: number, area: Size): Grid {
  const rows = Math.ceil(count / columns);
  const cell = {
    width: (area.width - GAP * (columns - 1)) / columns,
    height: (area.height - GAP * (rows - 1)) / rows,
  };
  const narrowest = area.width > area.height ? NARROWEST.landscape : NARROWEST.portrait;
  const tile = tileIn({ width: Math.max(1, cell.width), height: Math.max(1, cell.height) }, narrowest);
  return { columns, rows, tile: { width: Math.floor(tile.width), height: Math.floor(tile.height) } };
}

/** The most tiles that stay large enough to see a face. */
export function tilesPerPage({ width, height }: Size): number {
  const columns = Math.max(1, Math.floor((width + GAP) / (SMALLEST.width + GAP)));
  const rows = Math.max(1, Math.floor((height + GAP) / (SMALLEST.height + GAP)));
  return Math.min(MOST_TILES, columns * rows);
}

/** The arrangement of `count` tiles with the largest tiles. */
export function gridFor(count: number, area: Size): Grid {
  const all = Array.from({ length: Math.max(1, count) }, (_, i) => withColumns(Math.max(1, count), i + 1, area));
  const surface = ({ tile }: Grid) => tile.width * tile.height;
  return all.reduce((best, grid) => (surface(grid) > surface(best) ? grid : best));
}

const STRIP_TILE: Size = { width: 176, height: 99 };
const STRIP_TILE_SMALL: Size = { width: 100, height: 76 };
const MOST_IN_STRIP = 8;

/** How many tiles fit beside (or on a narrow screen above) the one in front. */
export function tilesInStrip(area: Size, vertical: boolean): number {
  const room = vertical
    ? Math.floor((area.height + GAP) / (STRIP_TILE.height + GAP))
    : Math.floor((area.width + GAP) / (STRIP_TILE_SMALL.width + GAP));
  return Math.min(MOST_IN_STRIP, Math.max(1, room));
}
