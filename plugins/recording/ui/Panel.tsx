/** The recording at a glance: how it stands, what hosts may do about it, and everybody's own choice. */
import { useAction } from '@audimax/kit';
import { Choices } from './Choices';
import type { Order, Recording, Status } from './recording';
import { useSeconds } from './use';
import { clock } from './words';

// --- how it stands ---

const HAS_TIME: ReadonlySet<Status> = new Set(['recording', 'paused', 'stopping']);

function Now({ recording }: { recording: Recording }) {
  const { t, ui: { Icon } } = recording.room;
  const { status } = recording.standing;
  useSeconds(status === 'recording' || status === 'starting');
  return (
    <p className="recording-now" data-status={status}>
      <Icon name="circle-dot" size={18} />
      <strong>{statusWords(recording)}</strong>
      {HAS_TIME.has(status) && <span className="recording-time" role="timer" aria-label={t('Recorded so far')}>{clock(recording.seconds)}</span>}
    </p>
  );
}

function statusWords(recording: Recording): string {
  const { t } = recording.room;
  const { beginsIn } = recording;
  switch (recording.standing.status) {
    case 'off': return t('Nothing is recorded');
    case 'starting': return beginsIn ? t('Recording starts in {seconds} s', { seconds: beginsIn }) : t('Recording starts …');
    case 'queued': return t('Recording waits for its turn');
    case 'recording': return t('Recording');
    case 'paused': return t('Recording paused');
    case 'stopping': return t('Recording is being finished …');
    case 'failed': return t('Recording failed');
  }
}

/** What is wrong, or why it isn't possible. */
function Why({ recording }: { recording: Recording }) {
  const { t } = recording.room;
  const { why, status } = recording.standing;
  if (recording.failed) return <p className="alert alert-warn">{t('How the recording stands isn’t known at the moment.')}</p>;
  if (!why) return null;
  return <p className={status === 'failed' ? 'alert alert-error' : 'alert alert-warn'}>{why}</p>;
}

// --- what hosts do ---

interface Step {
  label: string;
  look?: string;
  act(): unknown;
}

function stepsOf(recording: Recording): Step[] {
  const { t } = recording.room;
  const stop: Step = { label: t('Stop …'), look: 'btn-danger', act: () => recording.ask('stop') };
  const order = (label: string, what: Order): Step => ({ label, act: () => recording.order(what) });
  switch (recording.standing.status) {
    case 'off': return [{ label: t('Record …'), look: 'btn-primary', act: () => recording.ask('start') }];
    case 'failed': return [{ label: t('Try again'), look: 'btn-primary', act: () => recording.start() }];
    case 'queued': return [order(t('Don’t wait any longer'), 'stop')];
    case 'starting': return [order(t('Call it off'), 'stop')];
    case 'recording': return [order(t('Pause'), 'pause'), stop];
    case 'paused': return [order(t('Go on recording'), 'resume'), stop];
    case 'stopping': return [];
  }
}

function HostsPart({ recording }: { recording: Recording }) {
  const { t } = recording.room;
  const { busy, run } = useAction(recording.room);
  const { may, ready, status } = recording.standing;
  const steps = stepsOf(recording);
  return (
    <>
      {steps.length > 0 && (
        <div className="row" role="group" aria-label={t('For everybody')}>
          {/* By place, not by name: the focus stays where it was when “Pause” becomes “Go on”. */}
          {steps.map(({ label, look = '', act }, place) => (
            <button key={place} type="button" className={`btn ${look}`} aria-disabled={!may || busy} onClick={() => may && !busy && void run(async () => act())}>
              {label}
            </button>
          ))}
        </div>
      )}
      {ready && status !== 'stopping' && <p className="hint">{t('What was recorded before is kept with the lecture.')}</p>}
    </>
  );
}

// --- all of it ---

export function Panel({ recording }: { recording: Recording }) {
  const { t } = recording.room;
  const { notice, is_host: isHost } = recording.standing;
  return (
    <div className="stack recording">
      <Now recording={recording} />
      <Why recording={recording} />
      {isHost && <HostsPart recording={recording} />}
      {notice && <p className="recording-notice">{notice}</p>}
      <section className="stack stack-sm" aria-labelledby="recording-mine">
        <h3 id="recording-mine">{t('You in the recording')}</h3>
        <Choices recording={recording} />
      </section>
    </div>
  );
}
