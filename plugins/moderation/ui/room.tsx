/** Order in the room: what hosts may do to people, and what people are told. */
import { useAction } from '@audimax/kit';
import { definePlugin, type Farewell, type RoomApi } from '@audimax/room';
import { useEffect, useRef, useState } from 'react';
import { canBeModerated, Desk, type Asking, type Match } from './state';

/** What a ban goes by, and who merely looks alike: shown before it and after it. */
function Matches({ room, match }: { room: RoomApi; match: Match }) {
  const { t } = room;
  const { same_browser: browser, same_network: network } = match;
  return (
    <>
      <p className="hint">{match.account ? t('Holds for the account, in every browser.') : t('Holds for this browser. A new private window is a new person.')}</p>
      {browser.length > 0 && <p className="hint">{t('The same kind of browser, not banned: {names}', { names: browser.join(', ') })}</p>}
      {network.length > 0 && <p className="hint">{t('In the same network, not banned: {names}', { names: network.join(', ') })}</p>}
    </>
  );
}

function Ask({ desk, asking }: { desk: Desk; asking: Asking }) {
  const { room } = desk;
  const { t } = room;
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState('');
  const { busy, run } = useAction(room);
  const name = asking.person.name || asking.person.identity;
  const isBan = asking.what === 'ban';
  const title = isBan ? t('Ban {name}?', { name }) : t('Remove {name}?', { name });
  useEffect(() => {
    const shown = dialog.current;
    if (shown && !shown.open) shown.showModal();
  }, []);
  const act = async () => {
    await desk.act(`/people/${asking.person.identity}/${asking.what}`, { reason });
    desk.close();
  };
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="moderation-ask" onClose={() => desk.close()}>
      <form
        className="stack"
        aria-busy={busy}
        onSubmit={(event) => {
          event.preventDefault();
          void run(act, isBan ? t('{name} is banned.', { name }) : t('{name} is removed.', { name }));
        }}
      >
        <h2 id="moderation-ask">{title}</h2>
        <p>{isBan ? t('They leave at once and can’t come back until you lift the ban.') : t('They leave at once. They may come back through the door.')}</p>
        {room.plugin.config.gated === false && <p className="hint">{t('On this server it can take some seconds until they stay out: somebody skilled may come back for moments.')}</p>}
        {asking.match && <Matches room={room} match={asking.match} />}
        <div className="field">
          <label htmlFor="moderation-reason">{t('Reason (they read it)')}</label>
          <input id="moderation-reason" value={reason} maxLength={200} autoFocus onChange={(event) => setReason(event.target.value)} />
        </div>
        <div className="row">
          <button type="submit" className="btn btn-danger" disabled={busy}>
            {isBan ? t('Ban') : t('Remove')}
          </button>
          <button type="button" className="btn" onClick={() => dialog.current?.close()}>
            {t('Cancel')}
          </button>
        </div>
      </form>
    </dialog>
  );
}

function Newcomers({ desk }: { desk: Desk }) {
  const { t } = desk.room;
  const { busy, run } = useAction(desk.room);
  if (!desk.newcomers.length) return null;
  return (
    <section className="stack">
      <h3>{t('New from a banned person’s network')}</h3>
      <ul className="stack">
        {desk.newcomers.map((one) => (
          <li key={one.id} className="row spread">
            <span className="truncate">{one.name}</span>
            <button type="button" className="btn btn-sm" disabled={busy} onClick={() => void run(() => desk.act('/let-in', { id: one.id }))}>
              {t('Let {name} in', { name: one.name })}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Bans({ desk }: { desk: Desk }) {
  const { t } = desk.room;
  const { busy, run } = useAction(desk.room);
  return (
    <section className="stack stack-sm">
      <h3>{t('Banned')}</h3>
      {!desk.bans.length && <p className="hint">{t('Nobody is banned from this room.')}</p>}
      <ul className="stack">
        {desk.bans.map((ban) => (
          <li key={ban.id} className="stack stack-sm">
            <div className="row spread">
              <strong className="truncate grow">{ban.name}</strong>
              <button
                type="button"
                className="btn btn-sm"
                aria-label={t('Lift the ban of {name}', { name: ban.name })}
                disabled={busy}
                onClick={() => void run(() => desk.unban(ban), t('The ban of {name} is lifted.', { name: ban.name }))}
              >
                {t('Lift')}
              </button>
            </div>
            <div>
              {ban.reason && <p className="hint">{ban.reason}</p>}
              <Matches room={desk.room} match={ban} />
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Panel({ desk }: { desk: Desk }) {
  const { t } = desk.room;
  const { busy, run } = useAction(desk.room);
  const [freeze, setFreeze] = useState(false);
  const { locked, panic } = desk.order;
  if (desk.failed) {
    return (
      <div className="stack">
        <p role="alert">{t('This can’t be shown right now.')}</p>
        <button type="button" className="btn" onClick={() => void desk.fetch()}>
          {t('Try again')}
        </button>
      </div>
    );
  }
  return (
    <div className="stack" aria-busy={busy}>
      <section className="stack stack-sm">
        {panic ? (
          <>
            <p role="status">{t('Everybody but the hosts is silenced.')}</p>
            <button type="button" className="btn btn-primary btn-block" disabled={busy} onClick={() => void run(() => desk.panic(false), t('The floor is open again.'))}>
              {t('Give the floor back')}
            </button>
          </>
        ) : (
          <>
            <button type="button" className="btn btn-danger btn-block" disabled={busy} onClick={() => void run(() => desk.panic(true, freeze), t('Everybody is silenced.'))}>
              {t('Silence everybody')}
            </button>
            <label className="check">
              <input type="checkbox" checked={freeze} onChange={(event) => setFreeze(event.target.checked)} />
              {t('Freeze the chat too')}
            </label>
          </>
        )}
        <p className="hint">{t('Ends microphones, cameras and screens of all but the hosts, also of those who come later.')}</p>
      </section>
      <section className="stack stack-sm">
        <h3>{t('Microphones, cameras, screens')}</h3>
        <button type="button" className="btn btn-block" disabled={busy} onClick={() => void run(() => desk.act('/hide-all'), t('All are stopped.'))}>
          {t('Stop all')}
        </button>
        <button type="button" className="btn btn-block" disabled={busy} onClick={() => void run(() => desk.act('/give-all'), t('Everybody may use them again.'))}>
          {t('Give back what was taken')}
        </button>
        <p className="hint">{t('What you stop stays off until you give it back. Nobody’s microphone is opened for them.')}</p>
      </section>
      <section className="stack stack-sm">
        <h3>{t('The door')}</h3>
        <button type="button" className="btn btn-block" disabled={busy} onClick={() => void run(() => desk.lock(!locked))}>
          {locked ? t('Unlock the room') : t('Lock the room')}
        </button>
        <p className="hint" role="status">
          {locked ? t('The room is locked: nobody new comes in until you unlock it or the lecture ends.') : t('Locked, the room lets nobody new in. Who was inside may come back.')}
        </p>
        <button type="button" className="btn btn-block" disabled={busy} onClick={() => void run(() => desk.act('/change-locks'), t('The room has a new link.'))}>
          {t('Change the locks')}
        </button>
        <p className="hint">{t('The room gets a new link. Who isn’t inside now needs it to come in.')}</p>
      </section>
      <Newcomers desk={desk} />
      <Bans desk={desk} />
    </div>
  );
}

function addForHosts(room: RoomApi, desk: Desk) {
  const { t } = room;
  room.addPanel({
    id: 'order',
    title: t('Order'),
    icon: 'shield',
    order: 60,
    badge: () => (desk.order.panic ? '!' : desk.newcomers.length || null),
    component: () => <Panel desk={desk} />,
  });
  room.addOverlay({
    id: 'ask',
    slot: 'stage-top',
    visible: () => desk.asking !== null,
    component: () => (desk.asking ? <Ask desk={desk} asking={desk.asking} /> : null),
  });
  room.addPeopleAction({ id: 'mute-all', label: t('Mute all'), icon: 'mic-off', run: () => desk.act('/mute-all') });
  const takes = [
    { source: 'microphone' as const, icon: 'mic-off', label: t('Take the microphone') },
    { source: 'camera' as const, icon: 'video-off', label: t('Stop the camera') },
    { source: 'screen' as const, icon: 'screen-share-off', label: t('Stop the screen') },
  ];
  takes.forEach(({ source, icon, label }, order) =>
    room.addParticipantAction({ id: source, icon, label, order, visible: (person) => desk.mayMute(person), run: (person) => desk.take(person, source, false) }),
  );
  room.addParticipantAction({
    id: 'give-back',
    order: 4,
    icon: 'mic',
    label: t('Give the microphone back'),
    visible: (person) => desk.mayMute(person) && desk.order.muted.includes(person.identity),
    run: async (person) => {
      await desk.take(person, 'microphone', true);
      if (desk.order.panic && canBeModerated(person)) await desk.act(`/people/${person.identity}/floor`, { on: true });
    },
  });
  room.addParticipantAction({ id: 'remove', order: 8, icon: 'user-x', label: t('Remove …'), danger: true, visible: canBeModerated, run: (person) => desk.ask('remove', person) });
  room.addParticipantAction({ id: 'ban', order: 9, icon: 'ban', label: t('Ban …'), danger: true, visible: canBeModerated, run: (person) => desk.ask('ban', person) });
  room.addTileBadge({ id: 'muted', text: (person) => (desk.order.muted.includes(person.identity) ? t('silenced') : null) });
}

interface News {
  panic?: boolean;
  taken?: Record<string, boolean>;
  /** It concerns everybody but the hosts. */
  all?: boolean;
  removed?: boolean;
  banned?: boolean;
  reason?: string;
  ask?: string;
}

/** What somebody reads who was put out, and what they may do. */
function farewellOf(room: RoomApi, news: News): Farewell {
  const { t } = room;
  const why = news.reason ? t('Their reason: “{reason}”.', { reason: news.reason }) : '';
  if (!news.banned) return { title: t('A host has removed you'), text: why, mayReturn: true };
  const ask = t('If you think that is a mistake, please write to {name}.', { name: news.ask ?? '' });
  return { title: t('A host has banned you from this room'), text: [why, ask].filter(Boolean).join(' '), mayReturn: false };
}

/** What happened to somebody, and what they may do. That a right is gone is said by the room itself. */
function wordsOf(room: RoomApi, news: News): string {
  const { t } = room;
  const givesBack = news.taken && !Object.values(news.taken).includes(false);
  if (news.panic === false || givesBack) return t('You may speak again: turn your microphone on when you want to.');
  return news.taken && news.reason ? t('The host’s reason: “{reason}”', { reason: news.reason }) : '';
}

export default definePlugin((room) => {
  const desk = new Desk(room);
  room.on('connected', () => void desk.fetch());
  room.on('joined', (person) => {
    if (room.me.isHost && person.attributes.role === 'host') void desk.fetch();
  });
  room.on('data:moderation', (payload) => {
    const news = payload as News;
    if (news.removed || news.banned) return room.farewell(farewellOf(room, news));
    if (room.me.isHost) void desk.fetch();
    if (room.me.isHost && (!news.taken || news.all)) return;
    const words = wordsOf(room, news);
    if (words) room.toast(words);
    // Five hundred who ask at once what the packet says already would be a load for nothing.
    if (news.panic !== undefined) desk.hear(news.panic);
  });
  room.addOverlay({
    id: 'silenced',
    slot: 'stage-bottom',
    visible: () => desk.order.panic,
    component: () => (
      <p className="notice">
        {room.me.isHost
          ? room.t('Everybody but the hosts is silenced.')
          : room.t('The host has silenced everybody. You can speak again when the floor is given back.')}
      </p>
    ),
  });
  if (room.me.isHost) addForHosts(room, desk);
});
