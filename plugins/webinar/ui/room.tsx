/** Hands, the floor and reactions: what guests press, what hosts see, and what floats over the stage. */
import { useAction } from '@audimax/kit';
import { definePlugin, type RoomApi } from '@audimax/room';
import type { Participant } from 'livekit-client';
import { useLayoutEffect, useRef } from 'react';
import { Panel } from './Panel';
import { Applause, EMOJI } from './reactions';
import './room.css';
import { canHaveFloor, Webinar, type News } from './state';

/** Asks before the microphone opens. The focus is on the words: a key on its way elsewhere must not say yes. */
function Ask({ webinar }: { webinar: Webinar }) {
  const { t } = webinar.room;
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  // It is closed before it leaves the page: so the focus returns to where it was.
  useLayoutEffect(() => {
    const shown = dialog.current;
    if (shown && !shown.open) shown.showModal();
    heading.current?.focus();
    return () => shown?.close();
  }, []);
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="webinar-ask" aria-describedby="webinar-ask-words" onClose={() => webinar.close()}>
      <div className="stack">
        <h2 id="webinar-ask" tabIndex={-1} ref={heading}>
          {t('A host gives you the floor')}
        </h2>
        <p id="webinar-ask-words">
          {t('Turn your microphone on? Everybody will hear you.')}{' '}
          {webinar.asked?.cameraAndScreen && t('You may also turn your camera on and share your screen.')}
        </p>
        <div className="dialog-actions">
          <button type="button" className="btn" onClick={() => dialog.current?.close()}>
            {t('Not now')}
          </button>
          <button type="button" className="btn btn-primary" onClick={() => void webinar.accept()}>
            {t('Turn microphone on')}
          </button>
        </div>
      </div>
    </dialog>
  );
}

function Standing({ webinar }: { webinar: Webinar }) {
  const { t } = webinar.room;
  const words = webinar.mine.floor
    ? t('You have the floor: turn your microphone on when you want to speak.')
    : t('Webinar: you listen and watch. Raise your hand when you want to speak.');
  return <p className="webinar-standing">{webinar.mine.raised && !webinar.mine.floor ? webinar.placeWords() : words}</p>;
}

interface PickerProps {
  webinar: Webinar;
  close(): void;
}

function Picker({ webinar, close }: PickerProps) {
  const { t } = webinar.room;
  const { run } = useAction(webinar.room);
  const first = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    first.current?.focus();
    return () => void (before instanceof HTMLElement && before.focus());
  }, []);
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- Escape closes it from each of its buttons
    <div className="webinar-picker" role="group" aria-label={t('Send a reaction')} onKeyDown={(event) => event.key === 'Escape' && close()}>
      {EMOJI.map((emoji, index) => (
        <button key={emoji} ref={index ? undefined : first} type="button" aria-label={nameOf(webinar.room, emoji)} title={nameOf(webinar.room, emoji)} onClick={() => void run(() => webinar.react(emoji))}>
          {emoji}
        </button>
      ))}
    </div>
  );
}

function nameOf({ t }: RoomApi, emoji: (typeof EMOJI)[number]): string {
  const names = { '👍': t('Thumbs up'), '👏': t('Applause'), '❤️': t('Heart'), '😂': t('Laughing'), '😮': t('Astonished'), '🎉': t('Celebrating') };
  return names[emoji];
}

/** For eyes only: read out, they would never stop. */
function Sky({ applause }: { applause: Applause }) {
  return (
    <div className="webinar-sky" aria-hidden="true">
      {applause.floating.map(({ id, emoji, x }) => (
        <span key={id} className="webinar-float" style={{ insetInlineStart: `${x}%` }}>
          {emoji}
        </span>
      ))}
    </div>
  );
}

function addReactions(room: RoomApi, webinar: Webinar, applause: Applause) {
  const { t } = room;
  let open = false;
  const show = (wanted: boolean) => {
    open = wanted;
    room.refresh();
  };
  const visible = () => webinar.queue.may_react;
  room.addControl({ id: 'react', icon: 'smile', label: t('React'), order: 20, shortcut: 'r', visible, pressed: () => open, onClick: () => show(!open) });
  room.addOverlay({
    id: 'picker',
    slot: 'stage-bottom',
    order: 20,
    visible: () => open && visible(),
    component: () => <Picker webinar={webinar} close={() => show(false)} />,
  });
  room.addOverlay({
    id: 'sky',
    slot: 'stage-full',
    visible: () => applause.floating.length > 0,
    component: () => <Sky applause={applause} />,
  });
}

function addForGuests(room: RoomApi, webinar: Webinar) {
  const { t } = room;
  room.addControl({
    id: 'hand',
    icon: 'hand',
    label: t('Raise hand'),
    order: 10,
    shortcut: 'h',
    pressed: () => webinar.mine.raised,
    badge: () => webinar.mine.place,
    onClick: () => webinar.toggleHand(),
  });
  room.addExplanation({ id: 'webinar', text: () => webinar.explain() });
  room.addOverlay({ id: 'standing', slot: 'stage-bottom', order: 10, visible: () => webinar.queue.on, component: () => <Standing webinar={webinar} /> });
  room.addOverlay({ id: 'ask', slot: 'stage-top', visible: () => webinar.asked !== null, component: () => <Ask webinar={webinar} /> });
}

function addForHosts(room: RoomApi, webinar: Webinar) {
  const { t } = room;
  room.addPanel({
    id: 'hands',
    title: t('Hands'),
    icon: 'hand',
    order: 50,
    shortcut: 'h',
    badge: () => webinar.countHere() || null,
    component: () => <Panel webinar={webinar} />,
  });
  const raised = (person: Participant) => webinar.placeOf(person.identity) !== null;
  const holds = (person: Participant) => webinar.hasFloor(person.identity);
  room.addParticipantAction({
    id: 'give',
    icon: 'mic',
    label: t('Give the floor'),
    order: 5,
    visible: (person) => canHaveFloor(person) && (raised(person) || webinar.queue.on) && !holds(person),
    run: (person) => webinar.give(person.identity, false),
  });
  room.addParticipantAction({
    id: 'take-back',
    icon: 'mic-off',
    label: t('Take the floor back'),
    order: 6,
    visible: (person) => canHaveFloor(person) && webinar.queue.on && holds(person),
    run: (person) => webinar.act(`/people/${person.identity}/take-back`),
  });
  room.addParticipantAction({
    id: 'lower',
    icon: 'hand',
    label: t('Lower the hand'),
    order: 7,
    visible: raised,
    run: (person) => webinar.act(`/people/${person.identity}/lower`),
  });
  // Who comes back finds the hand raised, and nobody but their own page has been told.
  room.on('joined', () => webinar.fetchSoon());
  room.on('left', room.refresh);
}

export default definePlugin((room) => {
  const webinar = new Webinar(room);
  const applause = new Applause(room.refresh);
  room.on('connected', () => void webinar.fetch());
  room.on('settings', () => webinar.fetchSoon());
  room.on('data:webinar', (payload) => {
    const news = payload as News;
    if (news.reactions) applause.hear(news.reactions);
    else webinar.hear(news);
  });
  if (room.me.isHost) addForHosts(room, webinar);
  else addForGuests(room, webinar);
  addReactions(room, webinar, applause);
  room.addTileBadge({ id: 'hand', text: (person) => (webinar.placeOf(person.identity) ? '✋' : null) });
  room.addPeopleRank({ id: 'hands', rank: (person) => webinar.placeOf(person.identity) });
  return () => webinar.stop();
});
