/** What the parts of the page share. */
import { useState } from 'react';
import type { EditDesk } from './desk';
import { clock, seconds } from './times';

interface TimeProps {
  desk: EditDesk;
  label: string;
  value: number;
  /** Where the film stands now. */
  here(): number;
  onChange(second: number): void;
}

/** A moment of the film: typed, or taken from where it stands. What can't be read stays, and is marked. */
export function Time({ desk, label, value, here, onChange }: TimeProps) {
  const { t } = desk.page;
  const [typed, setTyped] = useState<string | null>(null);
  const isWrong = typed !== null && seconds(typed) === null;
  return (
    <span className="edit-time">
      <input
        aria-label={label}
        value={typed ?? clock(value)}
        aria-invalid={isWrong}
        title={isWrong ? t('A time like 12:30 or 1:02:03') : undefined}
        autoComplete="off"
        maxLength={16}
        onChange={(event) => {
          setTyped(event.target.value);
          const read = seconds(event.target.value);
          if (read !== null) onChange(read);
        }}
        onBlur={() => isWrong || setTyped(null)}
      />
      <button
        type="button"
        className="btn btn-sm"
        aria-label={t('Here: {what}', { what: label })}
        onClick={() => {
          setTyped(null);
          onChange(Math.round(here() * 10) / 10);
        }}
      >
        {t('Here')}
      </button>
    </span>
  );
}
