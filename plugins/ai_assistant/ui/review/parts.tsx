/** What the parts of the review share. */
import type { ReviewDesk } from './desk';
import { clock } from './summary';

/** The moments that something rests on, as links to the lines. */
export function Cites({ desk, numbers }: { desk: ReviewDesk; numbers: number[] }) {
  const { t } = desk.page;
  const lines = numbers.map((number) => desk.line(number)).filter((line) => line !== undefined);
  if (!numbers.length) return <span className="review-cites hint">{t('Written by a host')}</span>;
  return (
    <span className="review-cites">
      {lines.map((line) => (
        <a
          key={line.id}
          href={`#line-${line.number}`}
          title={`${line.name}: ${line.text}`}
          aria-label={t('Said at {time} by {name}', { time: clock(line.at), name: line.name })}
          onClick={(event) => {
            event.preventDefault();
            desk.show(line.number!);
          }}
        >
          {clock(line.at)}
        </a>
      ))}
    </span>
  );
}
