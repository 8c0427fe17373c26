/** Everything between the link and the call: the name, what is asked, the wait, the refusal. */
import { useEffect, useId, useLayoutEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import type { Asked } from './api';
import { remember, remembered } from './storage';
import type { PageConfig } from './config';
import type { Entrance, Stage } from './entrance';
import { t } from './i18n';
import { Icon } from './parts';
import { PreviewPanel } from './Preview';
import { useStore } from './store';

const NAME_KEY = 'audimax:name';
const LONGEST_NAME = 60;

type At<N extends Stage['name']> = Extract<Stage, { name: N }>;

function Wrong({ id, children }: { id?: string; children: ReactNode }) {
  return (
    <p id={id} className="error">
      <Icon name="circle-alert" size={16} /> {children}
    </p>
  );
}

/** Goes to the field as soon as something is wrong with it. */
function useFocusWhen<T extends HTMLElement>(wrong: unknown) {
  const ref = useRef<T>(null);
  useLayoutEffect(() => {
    if (wrong) ref.current?.focus();
  }, [wrong]);
  return ref;
}

interface NameFormProps {
  config: PageConfig;
  entrance: Entrance;
  stage: At<'form'> | At<'joining'>;
  name: string;
  onName(name: string): void;
}

function NameForm({ config, entrance, stage, name, onName }: NameFormProps) {
  const { me, room } = config;
  const isHost = me.role === 'host';
  const [someoneElse, setSomeoneElse] = useState(false);
  const [missing, setMissing] = useState(0);
  const knownAs = me.known && !someoneElse ? me.name : '';
  const busy = stage.name === 'joining';
  const error = missing ? t('Type your name, so that the others know who you are.') : stage.name === 'form' ? stage.error : '';
  const notLive = !room.live || (stage.name === 'form' && stage.notLive);
  const starts = isHost && notLive;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const typed = (knownAs || name).trim();
    if (!typed) return setMissing(missing + 1);
    setMissing(0);
    if (!me.known && !me.signed_in) remember(NAME_KEY, typed);
    void (starts ? entrance.start(typed) : entrance.join(typed, someoneElse));
  };

  return (
    <form className="stack" onSubmit={submit} noValidate>
      {knownAs ? (
        <KnownPerson name={knownAs} guest={!me.signed_in} onOther={() => (setSomeoneElse(true), onName(''))} />
      ) : (
        <NameField name={name} onName={onName} error={error} attempt={missing} />
      )}
      {knownAs && error && <p className="alert alert-error" role="alert">{error}</p>}
      <button type="submit" className="btn btn-primary btn-lg btn-block" aria-busy={busy}>
        {starts ? t('Start lecture') : t('Join lecture')}
      </button>
      {!isHost && notLive && <p className="hint">{t('The lecture hasn’t started yet. You can go in and wait.')}</p>}
    </form>
  );
}

function KnownPerson({ name, guest, onOther }: { name: string; guest: boolean; onOther(): void }) {
  return (
    <p>
      {t('Joining as')} <strong>{name}</strong>
      {guest && (
        <>
          {'. '}
          <button type="button" className="link" onClick={onOther}>
            {t('Not you? Join as someone else')}
          </button>
        </>
      )}
    </p>
  );
}

interface NameFieldProps {
  name: string;
  onName(name: string): void;
  error?: string;
  attempt: number;
}

function NameField({ name, onName, error, attempt }: NameFieldProps) {
  const ref = useFocusWhen<HTMLInputElement>(error && `${attempt}${error}`);
  return (
    <div className="field">
      <label htmlFor="name">{t('Your name')}</label>
      <input
        ref={ref}
        id="name"
        value={name}
        maxLength={LONGEST_NAME}
        autoComplete="name"
        required
        aria-invalid={Boolean(error)}
        aria-describedby={error ? 'name-error' : undefined}
        onChange={(event) => onName(event.target.value)}
      />
      {error && <Wrong id="name-error">{error}</Wrong>}
    </div>
  );
}

/** Seconds until `when`, counted down. */
function useSecondsUntil(when: number): number {
  const left = () => Math.max(0, Math.ceil((when - Date.now()) / 1000));
  const [seconds, setSeconds] = useState(left);
  useEffect(() => {
    const timer = setInterval(() => setSeconds(left()), 250);
    return () => clearInterval(timer);
  });
  return seconds;
}

function labelOf(asked: Asked): string {
  if (asked.field === 'pin') return asked.label === 'pin' ? t('PIN') : asked.label;
  return asked.label;
}

function QuestionForm({ stage, entrance }: { stage: At<'asked'>; entrance: Entrance }) {
  const { asked, busy } = stage;
  const [value, setValue] = useState('');
  const [readyAt] = useState(() => Date.now() + asked.retryAfter * 1000);
  const seconds = useSecondsUntil(readyAt);
  const id = useId();
  const ref = useFocusWhen<HTMLInputElement>(asked);
  const isPin = asked.field === 'pin';
  const [tried, setTried] = useState(false);
  const wrong = tried && !busy && Boolean(asked.reason);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (busy || seconds || !value.trim()) return;
    setTried(true);
    void entrance.answer(value.trim());
  };

  return (
    <form className="stack" onSubmit={submit} noValidate>
      <div className="field">
        <label htmlFor={id}>{labelOf(asked)}</label>
        <input
          ref={ref}
          id={id}
          value={value}
          maxLength={200}
          autoComplete={isPin ? 'one-time-code' : 'off'}
          aria-invalid={wrong}
          aria-describedby={asked.reason ? `${id}-reason` : undefined}
          onChange={(event) => setValue(event.target.value)}
        />
        {asked.reason && (
          <div id={`${id}-reason`} role="status">
            {wrong ? <Wrong>{asked.reason}</Wrong> : <p className="hint">{asked.reason}</p>}
          </div>
        )}
      </div>
      <button type="submit" className="btn btn-primary btn-lg btn-block" aria-busy={busy} disabled={seconds > 0}>
        {seconds > 0 ? t('Try again in {seconds} s', { seconds }) : t('Continue')}
      </button>
      <button type="button" className="btn btn-ghost" onClick={() => entrance.backToForm()}>
        {t('Back')}
      </button>
    </form>
  );
}

interface WaitingProps {
  stage: At<'waiting'>;
  entrance: Entrance;
  isHost: boolean;
  name: string;
}

function WaitingScreen({ stage, entrance, isHost, name }: WaitingProps) {
  const title = stage.starting ? t('The lecture is starting') : t('Please wait a moment');
  return (
    <div className="stack">
      <div className="waiting" role="status">
        <span className="waiting-dots" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>
        <h2>{title}</h2>
        {!stage.starting && stage.reason && <p>{stage.reason}</p>}
        <p className="muted">{stage.starting ? t('You are being let in.') : t('Keep this page open.')}</p>
        {stage.place !== null && stage.place > 0 && <p>{t('Your place in the line: {place}', { place: stage.place })}</p>}
        {stage.message && <p className="waiting-message">{stage.message}</p>}
        {!stage.connected && (
          <p className="alert alert-warn">
            <Icon name="wifi-off" /> <span>{t('The connection was lost. Trying again; you keep your place.')}</span>
          </p>
        )}
      </div>
      {isHost && stage.code === 'host_absent' && (
        <button type="button" className="btn btn-primary btn-lg" onClick={() => void entrance.start(name)}>
          {t('Start lecture')}
        </button>
      )}
      <button type="button" className="btn" onClick={() => entrance.stopWaiting()}>
        {t('Stop waiting')}
      </button>
    </div>
  );
}

interface NoteProps {
  icon: string;
  title: string;
  children?: ReactNode;
}

function Note({ icon, title, children }: NoteProps) {
  const ref = useFocusWhen<HTMLHeadingElement>(title);
  return (
    <div className="note stack">
      <h2 ref={ref} tabIndex={-1}>
        <Icon name={icon} size={24} /> {title}
      </h2>
      {children}
    </div>
  );
}

function AgainButton({ entrance, label }: { entrance: Entrance; label: string }) {
  return (
    <button type="button" className="btn btn-primary" onClick={() => void entrance.again()}>
      {label}
    </button>
  );
}

function DeniedScreen({ stage, entrance }: { stage: At<'denied'>; entrance: Entrance }) {
  const seconds = useSecondsUntil(stage.againAt ?? 0);
  return (
    <Note icon="ban" title={stage.againAt ? t('Not now') : t('You can’t join this lecture')}>
      <p role="alert">{stage.reason}</p>
      {stage.againAt && (
        <button type="button" className="btn btn-primary" disabled={seconds > 0} onClick={() => void entrance.again()}>
          {seconds > 0 ? t('Ask again in {seconds} s', { seconds }) : t('Ask again')}
        </button>
      )}
      <button type="button" className="btn" onClick={() => entrance.backToForm()}>
        {t('Back')}
      </button>
    </Note>
  );
}

function UnavailableScreen({ stage, entrance }: { stage: At<'unavailable'>; entrance: Entrance }) {
  const seconds = useSecondsUntil(stage.retryAt);
  return (
    <Note icon="wifi-off" title={t('One moment')}>
      <p role="status">{stage.reason}</p>
      <p className="muted">{seconds ? t('Trying again in {seconds} s.', { seconds }) : t('Trying again now…')}</p>
      <div className="row">
        <AgainButton entrance={entrance} label={t('Try now')} />
        <button type="button" className="btn" onClick={() => entrance.backToForm()}>
          {t('Back')}
        </button>
      </div>
    </Note>
  );
}

function Panel(props: Omit<NameFormProps, 'stage'> & { stage: Stage }) {
  const { stage, entrance } = props;
  switch (stage.name) {
    case 'form':
    case 'joining':
      return <NameForm {...props} stage={stage} />;
    case 'asked':
      return <QuestionForm key={`${stage.asked.field}${stage.asked.retryAfter}`} stage={stage} entrance={entrance} />;
    case 'waiting':
      return <WaitingScreen stage={stage} entrance={entrance} isHost={props.config.me.role === 'host'} name={props.name} />;
    case 'denied':
      return <DeniedScreen stage={stage} entrance={entrance} />;
    case 'unavailable':
      return <UnavailableScreen stage={stage} entrance={entrance} />;
    case 'elsewhere':
      return (
        <Note icon="copy" title={t('You are waiting in another tab')}>
          <AgainButton entrance={entrance} label={t('Wait here instead')} />
        </Note>
      );
    case 'gone':
      return (
        <Note icon="door-open" title={t('You are no longer waiting')}>
          <AgainButton entrance={entrance} label={t('Ask again')} />
        </Note>
      );
    case 'admitted':
      return null;
  }
}

/** What people should know before they are inside. */
function Notices({ config }: { config: PageConfig }) {
  const notices = config.plugins.filter(({ notice }) => notice);
  if (!notices.length) return null;
  return (
    <ul className="notices" aria-label={t('Good to know')}>
      {notices.map(({ id, notice }) => (
        <li key={id}>
          <Icon name="info" size={18} /> <span>{notice}</span>
        </li>
      ))}
    </ul>
  );
}

function eyebrow(config: PageConfig, live: boolean): string {
  if (live) return t('Live now');
  return config.me.role === 'host' ? t('Your room') : t('Not started yet');
}

export function Prejoin({ config, entrance }: { config: PageConfig; entrance: Entrance }) {
  const stage = useStore(entrance.stage);
  const live = config.room.live && !(stage.name === 'form' && stage.notLive);
  const [name, setName] = useState(() => config.me.name || remembered(NAME_KEY, ''));
  return (
    <main className="prejoin">
      <PreviewPanel name={name} />
      <div className="prejoin-panel stack">
        <header>
          <p className={`badge ${live ? 'badge-live' : ''}`}>{eyebrow(config, live)}</p>
          <h1>{config.room.title}</h1>
        </header>
        {config.room.shut && (
          <p className="alert alert-warn">
            <Icon name="triangle-alert" /> <span>{config.room.shut}</span>
          </p>
        )}
        <Notices config={config} />
        <Panel config={config} entrance={entrance} stage={stage} name={name} onName={setName} />
        <p className="prejoin-foot">
          <a href={config.urls.home}>{config.me.signed_in ? t('To your rooms') : t('To the start page')}</a>
        </p>
      </div>
    </main>
  );
}
