/** The words for how a recording stands, and for what has changed. */
import type { RoomApi } from '@audimax/room';
import type { Standing, Status } from './recording';

type Translate = RoomApi['t'];

const two = (number: number) => String(number).padStart(2, '0');

/** 3725 → 1:02:05 */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** How long it runs, to the minute: the sign must not flicker through a whole lecture. */
function lasting(t: Translate, seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return t('Recording');
  if (minutes < 60) return t('Recording · {minutes} min', { minutes });
  return t('Recording · {hours} h {minutes} min', { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

/** The lasting sign: what concerns everybody, and for hosts what they wait for. Null when there is none. */
export function signOf(t: Translate, { status, is_host }: Standing, seconds: number): string | null {
  switch (status) {
    case 'starting': return t('Recording starts …');
    case 'recording': return lasting(t, seconds);
    case 'paused': return t('Recording paused');
    case 'stopping': return t('Recording is being finished …');
    case 'queued': return is_host ? t('Recording waits for its turn') : null;
    case 'failed': return is_host ? t('Recording failed') : null;
    case 'off': return null;
  }
}

export interface News {
  words: string;
  isError?: boolean;
  /** What is said aloud: only where something begins. */
  aloud?: string;
}

const FOR_LATECOMERS: Partial<Record<Status, (t: Translate) => string>> = {
  starting: (t) => t('This lecture will be recorded in a moment.'),
  recording: (t) => t('This lecture is being recorded.'),
  paused: (t) => t('This lecture is being recorded. The recording is paused at the moment.'),
};

/** What somebody reads who comes in. They were not there for the notice, so nothing sounds. */
export function newsForLatecomers(t: Translate, now: Standing): News | null {
  const words = FOR_LATECOMERS[now.status]?.(t);
  return words ? { words } : null;
}

const RUNS: ReadonlySet<Status> = new Set(['starting', 'recording', 'paused']);

/** What has changed for those who are inside; null when it is nothing that they must hear. */
export function newsOf(t: Translate, before: Standing, now: Standing): News | null {
  if (before.status === now.status) return trouble(before, now);
  switch (now.status) {
    case 'starting': return begins(t, now);
    case 'recording': return runs(t, before, now);
    case 'paused': return { words: t('The recording is paused.') };
    case 'queued': return now.is_host ? { words: now.why || t('The recording waits until a recorder is free.') } : null;
    case 'failed': return failed(t, before, now);
    case 'stopping':
    case 'off': return over(t, before, now);
  }
}

/** Hosts read at once what is wrong while it runs. */
function trouble(before: Standing, now: Standing): News | null {
  const isNew = now.is_host && now.why && now.why !== before.why;
  return isNew && RUNS.has(now.status) ? { words: now.why, isError: true } : null;
}

function begins(t: Translate, { notice }: Standing): News {
  return { words: notice || t('This lecture will be recorded in a moment.'), aloud: t('This lecture will now be recorded.') };
}

function runs(t: Translate, before: Standing, now: Standing): News {
  if (before.status === 'starting') return { words: t('The recording has begun.') };
  if (before.status === 'paused') return { words: withNotice(t('The recording goes on.'), now), aloud: t('The recording goes on.') };
  // Its beginning was missed: whoever sees it only now has not been told.
  return { words: withNotice(t('This lecture is being recorded.'), now), aloud: t('This lecture is being recorded.') };
}

const withNotice = (words: string, { notice }: Standing) => (notice ? `${words} ${notice}` : words);

function failed(t: Translate, before: Standing, now: Standing): News | null {
  if (now.is_host) return { words: now.why || t('The recording has failed.'), isError: true };
  return over(t, before, now);
}

function over(t: Translate, { status }: Standing, now: Standing): News | null {
  if (status === 'starting') return { words: t('The lecture won’t be recorded.') };
  if (status === 'stopping') return now.is_host && now.ready ? { words: t('The recording is kept with the lecture.') } : null;
  return RUNS.has(status) ? { words: t('The recording has ended.') } : null;
}
