/** The summary, to be written in: every entry where it stands, moved and removed by buttons or keys. */
import { PageIcon } from '@audimax/kit';
import { useEffect, useId, useRef, type KeyboardEvent, type ReactNode } from 'react';
import type { ReviewDesk } from './desk';
import { Cites } from './parts';
import * as lists from './summary';
import { LONGEST_TEXT, LONGEST_TITLE, MOST, type Action, type Question, type Sentence, type Summary, type Topic } from './summary';

type Change<T> = (list: T[], focus?: string) => void;
interface EntriesProps<T> {
  desk: ReviewDesk;
  list: T[];
  /** Tells entries of different lists apart. */
  place: string;
  most: number;
  add: string;
  made(): T;
  /** What the buttons call an entry. */
  named(one: T, at: number): string;
  cites?(one: T): number[];
  onChange: Change<T>;
  children(one: T, put: (one: T) => void): ReactNode;
}

function Entries<T>({ desk, list, place, most, add, made, named, cites, onChange, children }: EntriesProps<T>) {
  const { t } = desk.page;
  const move = (at: number, by: -1 | 1) => {
    const next = lists.moved(list, at, by);
    if (next !== list) onChange(next, `${place}-${at + by}`);
  };
  const remove = (at: number) => onChange(lists.removed(list, at), list.length > 1 ? `${place}-${Math.min(at, list.length - 2)}` : `${place}-add`);
  const press = (event: KeyboardEvent, at: number) => {
    if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return;
    event.preventDefault();
    event.stopPropagation();
    move(at, event.key === 'ArrowUp' ? -1 : 1);
  };
  return (
    <>
      {list.length > 0 && (
        <ol className="review-list">
          {list.map((one, at) => (
            // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- a short cut of the buttons below
            <li key={at} data-place={`${place}-${at}`} onKeyDown={(event) => press(event, at)}>
              <div className="review-fields">{children(one, (changed) => onChange(lists.changed(list, at, changed)))}</div>
              <div className="review-foot">
                {cites && <Cites desk={desk} numbers={cites(one)} />}
                <span className="review-acts">
                  <button type="button" className="btn btn-sm btn-icon btn-ghost" disabled={at === 0} aria-label={t('Move up: {name}', { name: named(one, at) })} onClick={() => move(at, -1)}>
                    <PageIcon page={desk.page} name="chevron-up" />
                  </button>
                  <button type="button" className="btn btn-sm btn-icon btn-ghost" disabled={at === list.length - 1} aria-label={t('Move down: {name}', { name: named(one, at) })} onClick={() => move(at, 1)}>
                    <PageIcon page={desk.page} name="chevron-down" />
                  </button>
                  <button type="button" className="btn btn-sm btn-icon btn-ghost" aria-label={t('Remove: {name}', { name: named(one, at) })} onClick={() => remove(at)}>
                    <PageIcon page={desk.page} name="trash-2" />
                  </button>
                </span>
              </div>
            </li>
          ))}
        </ol>
      )}
      {list.length < most && (
        <div data-place={`${place}-add`}>
          <button type="button" className="btn btn-sm" onClick={() => onChange([...list, made()], `${place}-${list.length}`)}>
            <PageIcon page={desk.page} name="plus" /> {add}
          </button>
        </div>
      )}
    </>
  );
}

interface TextProps {
  label: string;
  value: string;
  longest?: number;
  isShort?: boolean;
  isLabelled?: boolean;
  onChange(text: string): void;
}

function Text({ label, value, longest = LONGEST_TEXT, isShort = false, isLabelled = false, onChange }: TextProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id} className={isLabelled ? undefined : 'sr-only'}>
        {label}
      </label>
      {isShort ? (
        <input id={id} value={value} maxLength={longest} onChange={(event) => onChange(event.target.value)} />
      ) : (
        <textarea id={id} rows={1} value={value} maxLength={longest} onChange={(event) => onChange(event.target.value)} />
      )}
    </div>
  );
}

function Sentences({ desk, list, place, onChange }: { desk: ReviewDesk; list: Sentence[]; place: string; onChange: Change<Sentence> }) {
  const { t } = desk.page;
  const named = (_one: Sentence, at: number) => t('Sentence {number}', { number: at + 1 });
  return (
    <Entries desk={desk} list={list} place={place} most={MOST.sentences} add={t('Add a sentence')} made={lists.newSentence} named={named} cites={(one) => one.cites} onChange={onChange}>
      {(one, put) => <Text label={named(one, list.indexOf(one))} value={one.text} onChange={(text) => put({ ...one, text })} />}
    </Entries>
  );
}

function Topics({ desk, list, onChange }: { desk: ReviewDesk; list: Topic[]; onChange: Change<Topic> }) {
  const { t } = desk.page;
  const named = (one: Topic, at: number) => one.title || t('Topic {number}', { number: at + 1 });
  const made = () => lists.newTopic(list.at(-1)?.at ?? 0);
  return (
    <Entries desk={desk} list={list} place="topics" most={MOST.topics} add={t('Add a topic')} made={made} named={named} onChange={onChange}>
      {(one, put) => (
        <>
          <div className="review-topic">
            <span className="badge">{lists.clock(one.at)}</span>
            <Text label={t('Title')} value={one.title} longest={LONGEST_TITLE} isShort onChange={(title) => put({ ...one, title })} />
          </div>
          <Sentences
            desk={desk}
            list={one.text}
            place={`topics-${list.indexOf(one)}-text`}
            onChange={(text, focus) => onChange(lists.changed(list, list.indexOf(one), { ...one, text }), focus)}
          />
        </>
      )}
    </Entries>
  );
}

function Actions({ desk, list, onChange }: { desk: ReviewDesk; list: Action[]; onChange: Change<Action> }) {
  const { t } = desk.page;
  const named = (_one: Action, at: number) => t('Entry {number}', { number: at + 1 });
  return (
    <Entries desk={desk} list={list} place="actions" most={MOST.entries} add={t('Add something to do')} made={lists.newAction} named={named} cites={(one) => one.cites} onChange={onChange}>
      {(one, put) => (
        <>
          <Text label={t('What')} isLabelled value={one.what} onChange={(what) => put({ ...one, what })} />
          <div className="review-two">
            <Text label={t('Who')} isLabelled isShort longest={LONGEST_TITLE} value={one.who} onChange={(who) => put({ ...one, who })} />
            <Text label={t('Until when')} isLabelled isShort longest={LONGEST_TITLE} value={one.until} onChange={(until) => put({ ...one, until })} />
          </div>
        </>
      )}
    </Entries>
  );
}

function Questions({ desk, list, onChange }: { desk: ReviewDesk; list: Question[]; onChange: Change<Question> }) {
  const { t } = desk.page;
  const named = (_one: Question, at: number) => t('Question {number}', { number: at + 1 });
  return (
    <Entries desk={desk} list={list} place="questions" most={MOST.entries} add={t('Add a question')} made={lists.newQuestion} named={named} cites={(one) => one.cites} onChange={onChange}>
      {(one, put) => (
        <>
          <Text label={t('Question')} isLabelled value={one.question} onChange={(question) => put({ ...one, question })} />
          <Text label={t('Answer')} isLabelled value={one.answer} onChange={(answer) => put({ ...one, answer })} />
        </>
      )}
    </Entries>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <section className="card stack" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

/** An entry that was added or moved has the focus, or the one after a removed one. */
function useFocus(desk: ReviewDesk, summary: Summary) {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const place = desk.takeFocus();
    const entry = place ? root.current?.querySelector(`[data-place="${place}"]`) : null;
    entry?.querySelector<HTMLElement>('textarea, input, button')?.focus();
  }, [desk, summary]);
  return root;
}

export function Editor({ desk, summary }: { desk: ReviewDesk; summary: Summary }) {
  const { t } = desk.page;
  const root = useFocus(desk, summary);
  const put = (part: Partial<Summary>, focus = '') => desk.change({ ...summary, ...part }, focus);
  return (
    <div className="stack" ref={root}>
      <Part title={t('Overview')}>
        <Sentences desk={desk} list={summary.overview} place="overview" onChange={(overview, focus) => put({ overview }, focus)} />
      </Part>
      <Part title={t('Key topics')}>
        <Topics desk={desk} list={summary.topics} onChange={(topics, focus) => put({ topics }, focus)} />
      </Part>
      <Part title={t('To do')}>
        <Actions desk={desk} list={summary.actions} onChange={(actions, focus) => put({ actions }, focus)} />
      </Part>
      <Part title={t('Asked and answered')}>
        <Questions desk={desk} list={summary.questions} onChange={(questions, focus) => put({ questions }, focus)} />
      </Part>
    </div>
  );
}
