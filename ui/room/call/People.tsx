/** Who is here. The list stays short however many there are: search finds the rest. */
import { useState } from 'react';
import { useIsMuted, useIsSpeaking, useParticipantInfo, useParticipants } from '@livekit/components-react';
import { RoomEvent, Track, type Participant } from 'livekit-client';
import { language, t, tn } from '../i18n';
import { Icon, initials } from '../parts';
import type { Entry } from '../registry';
import { useCall } from './context';
import { useRegistry } from './fences';
import { Badges, nameOf, Quality } from './Tile';

const STEP = 60;
const SEARCH_FROM = 8;

function Sending({ participant, source, on, off, words }: { participant: Participant; source: Track.Source; on: string; off: string; words: [string, string] }) {
  const muted = useIsMuted({ participant, source });
  return (
    <span className={muted ? 'muted' : ''} role="img" aria-label={muted ? words[1] : words[0]}>
      <Icon name={muted ? off : on} size={16} />
    </span>
  );
}

function actionLabel(action: Entry<'participantAction'>, participant: Participant): string {
  return typeof action.label === 'function' ? action.label(participant) : action.label;
}

function Actions({ participant }: { participant: Participant }) {
  const { host } = useCall();
  const registry = useRegistry(host.registry);
  const actions = registry.visible('participantAction', participant);
  if (!actions.length) return null;
  const id = `person-${participant.identity}`;
  const act = (action: Entry<'participantAction'>) => {
    document.getElementById(id)?.hidePopover();
    host.run(action.plugin, () => action.run(participant));
  };
  return (
    <>
      <button
        type="button"
        className="ctl ctl-small"
        popoverTarget={id}
        style={{ anchorName: `--${id}` } as React.CSSProperties}
        aria-label={t('Actions for {name}', { name: nameOf(participant) })}
      >
        <Icon name="ellipsis" size={18} />
      </button>
      <div id={id} popover="auto" className="menu-list menu-down" style={{ positionAnchor: `--${id}` } as React.CSSProperties}>
        {actions.map((action) => (
          <button key={action.key} type="button" className={`menu-item ${action.danger ? 'menu-danger' : ''}`} onClick={() => act(action)}>
            <Icon name={action.icon} size={18} />
            {registry.safe(action.plugin, () => actionLabel(action, participant), action.id)}
          </button>
        ))}
      </div>
    </>
  );
}

function Person({ participant }: { participant: Participant }) {
  useParticipantInfo({ participant });
  const speaking = useIsSpeaking(participant);
  const name = nameOf(participant);
  return (
    <li className="person" data-speaking={speaking}>
      <span className="avatar">{participant.isAgent ? <Icon name="captions" /> : initials(name)}</span>
      <span className="person-name">
        <span className="truncate">{name}</span>
        {participant.isLocal && <span className="muted small">{t('you')}</span>}
        {participant.isAgent && <span className="muted small">{t('writes captions')}</span>}
      </span>
      <Badges participant={participant} />
      {!participant.isAgent && (
        <>
          <Quality participant={participant} />
          <Sending participant={participant} source={Track.Source.Camera} on="video" off="video-off" words={[t('Camera on'), t('Camera off')]} />
          <Sending participant={participant} source={Track.Source.Microphone} on="mic" off="mic-off" words={[t('Microphone on'), t('Microphone off')]} />
        </>
      )}
      <Actions participant={participant} />
    </li>
  );
}

function sorted(people: Participant[]): Participant[] {
  const { compare } = new Intl.Collator(language(), { sensitivity: 'base' });
  return [...people].sort((a, b) => Number(b.isLocal) - Number(a.isLocal) || compare(nameOf(a), nameOf(b)));
}

function matching(people: Participant[], wanted: string): Participant[] {
  const needle = wanted.trim().toLocaleLowerCase();
  return needle ? people.filter((person) => nameOf(person).toLocaleLowerCase().includes(needle)) : people;
}

function EverybodyActions() {
  const { host } = useCall();
  const registry = useRegistry(host.registry);
  const actions = registry.visible('peopleAction');
  if (!actions.length) return null;
  return (
    <div className="row row-sm">
      {actions.map((action) => (
        <button key={action.key} type="button" className={`btn btn-sm ${action.danger ? 'btn-danger' : ''}`} onClick={() => host.run(action.plugin, () => action.run())}>
          <Icon name={action.icon} size={16} />
          {registry.safe(action.plugin, () => (typeof action.label === 'function' ? action.label() : action.label), action.id)}
        </button>
      ))}
    </div>
  );
}

export function People() {
  const everybody = useParticipants({ updateOnlyOn: [RoomEvent.ParticipantNameChanged] });
  const [wanted, setWanted] = useState('');
  const [most, setMost] = useState(STEP);
  const found = sorted(matching(everybody, wanted));
  const hidden = found.length - most;
  return (
    <div className="people">
      <EverybodyActions />
      {everybody.length >= SEARCH_FROM && (
        <input type="search" aria-label={t('Search people')} placeholder={t('Search people')} value={wanted} onChange={(event) => setWanted(event.target.value)} />
      )}
      <p className="muted small" role="status">
        {tn('{count} person', '{count} people', found.length)}
      </p>
      <ul className="people-list">
        {found.slice(0, most).map((participant) => (
          <Person key={participant.identity} participant={participant} />
        ))}
      </ul>
      {hidden > 0 && (
        <button type="button" className="btn" onClick={() => setMost(most + STEP)}>
          {tn('Show {count} more', 'Show {count} more', Math.min(hidden, STEP))}
        </button>
      )}
    </div>
  );
}
