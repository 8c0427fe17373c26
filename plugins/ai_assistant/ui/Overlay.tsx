/** The last words of those who speak, in a row of their own: never over a face or a slide, and nothing jumps. */
import { useEffect, useState } from 'react';
import type { Assistant } from './assistant';
import { colourOf, textFor, turnsOf, type Caption, type Turn } from './captions';
import { useLines } from './use';

const MOST_TURNS = 3;
const LINES_LOOKED_AT = 12;
/** What was said for good leaves the row after a while of silence. */
const STAYS_MS = 12_000;

/** Whether somebody has spoken within the last seconds. */
function useLively(lines: readonly Caption[]): boolean {
  const [quietSince, setQuietSince] = useState<readonly Caption[] | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setQuietSince(lines), STAYS_MS);
    return () => clearTimeout(timer);
  }, [lines]);
  return quietSince !== lines;
}

function Words({ line }: { line: Caption }) {
  return (
    <span className="captions-words" data-final={line.final} lang={line.language || undefined}>
      {textFor(line)}{' '}
    </span>
  );
}

function Spoken({ turn }: { turn: Turn }) {
  return (
    <div className="captions-turn" data-colour={colourOf(turn.identity)}>
      <b>{turn.name}</b>
      <div className="captions-text">
        <p>
          {turn.lines.map((line) => (
            <Words key={line.id} line={line} />
          ))}
        </p>
      </div>
    </div>
  );
}

export function Overlay({ assistant }: { assistant: Assistant }) {
  const lines = useLines(assistant.captions);
  const { taste } = assistant;
  const isLively = useLively(lines);
  const last = lines.filter((line) => !line.gap).slice(-LINES_LOOKED_AT);
  const turns = isLively ? turnsOf(last, LINES_LOOKED_AT).slice(-MOST_TURNS) : [];
  const words = assistant.statusWords();
  return (
    // For eyes: who listens to the page reads the panel, where lines come for good.
    <div className="captions" data-size={taste.size} data-contrast={taste.contrast} aria-hidden="true">
      <div className="captions-rows">
        {turns.length ? turns.map((turn) => <Spoken key={turn.key} turn={turn} />) : words && <p className="captions-status">{words}</p>}
      </div>
    </div>
  );
}
