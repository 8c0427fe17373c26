/** The panel: who writes (for hosts), what is pinned, the lines or the questions, and where one writes. */
import { useAction } from '@audimax/kit';
import { useEffect, useRef, useState, type ClipboardEvent, type DragEvent, type RefObject } from 'react';
import { carriesFiles, filesIn, pastesFiles } from './attachments';
import type { Chat } from './chat';
import { Composer, type ComposerHandle } from './Composer';
import { Line, Text, type Wishes } from './Line';
import { List, type ListHandle } from './List';
import { wordsOf, type Message, type Mode } from './messages';
import { useChat } from './use';

const PAUSES = [0, 5, 10, 30, 60, 120, 300];

interface PartProps {
  chat: Chat;
}

function Modes({ chat }: PartProps) {
  const { t } = chat.room;
  const { busy, run } = useAction(chat.room);
  const state = chat.state;
  if (!chat.room.me.isHost || !state) return null;
  const { mode, slow_seconds: slow } = state;
  const words: Record<Mode, string> = { everyone: t('Everyone writes'), questions: t('Guests to hosts only'), hosts: t('Only hosts write'), off: t('Nobody writes') };
  const pauses = PAUSES.includes(slow) ? PAUSES : [...PAUSES, slow].sort((a, b) => a - b);
  return (
    <div className="chat-modes" aria-busy={busy}>
      <select aria-label={t('Who writes')} value={mode} disabled={busy} onChange={(event) => void run(() => chat.setMode(event.target.value as Mode, slow))}>
        {Object.entries(words).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
      <select aria-label={t('Slow mode')} value={slow} disabled={busy} onChange={(event) => void run(() => chat.setMode(mode, Number(event.target.value)))}>
        {pauses.map((seconds) => (
          <option key={seconds} value={seconds}>
            {seconds ? t('Every {seconds} s', { seconds }) : t('No slow mode')}
          </option>
        ))}
      </select>
    </div>
  );
}

function Pinned({ chat, wishes }: PartProps & { wishes: Wishes }) {
  const { t, me, ui } = chat.room;
  const { run } = useAction(chat.room);
  const pinned = chat.state?.pinned ?? [];
  if (!pinned.length) return null;
  return (
    <ul className="chat-pinned" aria-label={t('Pinned')}>
      {pinned.map((message) => (
        <li key={message.id}>
          <ui.Icon name="pin" size={16} />
          <div>
            <strong>{message.author.name}</strong>
            <Text text={wordsOf(message)} />
          </div>
          {chat.history.find(message.id) && (
            <button type="button" className="ctl ctl-small" aria-label={t('Show the message of {name}', { name: message.author.name })} title={t('Show in the chat')} onClick={() => wishes.show(message.id)}>
              <ui.Icon name="arrow-down" size={16} />
            </button>
          )}
          {me.isHost && (
            <button type="button" className="ctl ctl-small" aria-label={t('Unpin the message of {name}', { name: message.author.name })} title={t('Unpin')} onClick={() => void run(() => chat.flag(message, 'pinned', false))}>
              <ui.Icon name="pin-off" size={16} />
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function Questions({ chat, wishes }: PartProps & { wishes: Wishes }) {
  const { t } = chat.room;
  const { questions } = chat;
  if (!questions) return <p className="chat-beginning">{t('Loading questions…')}</p>;
  if (!questions.length) return <p className="chat-beginning">{t('No questions yet. Mark a message as a question, and others can vote for it.')}</p>;
  return (
    <ul className="chat-questions" aria-label={t('Questions')}>
      {questions.map((message) => (
        <li key={message.id}>
          <Line chat={chat} message={message} continues={false} wishes={wishes} />
        </li>
      ))}
    </ul>
  );
}

function Failed({ chat }: PartProps) {
  const { t } = chat.room;
  const { busy, run } = useAction(chat.room);
  return (
    <div className="stack">
      <p role="alert">{t('The chat can’t be loaded right now.')}</p>
      <button type="button" className="btn" aria-busy={busy} onClick={() => void run(() => chat.fetch())}>
        {t('Try again')}
      </button>
    </div>
  );
}

function NewLines({ chat, onShow }: PartProps & { onShow(): void }) {
  const { t, ui } = chat.room;
  const { unread } = chat;
  if (!unread && !chat.history.hasNewer) return null;
  const words = unread === 1 ? t('1 new message') : unread ? t('{count} new messages', { count: unread }) : t('To the newest');
  return (
    <button type="button" className="chat-new" onClick={onShow}>
      <ui.Icon name="arrow-down" size={16} /> {words}
    </button>
  );
}

/** The whole panel takes what is dropped on it or pasted into it, where one may attach files. */
function useFiles(chat: Chat, composer: RefObject<ComposerHandle | null>) {
  const { t, toast } = chat.room;
  const [over, setOver] = useState(false);
  const take = (transfer: DataTransfer) => {
    const { files, hasFolders } = filesIn(transfer);
    if (hasFolders) toast(t('Folders can’t be sent: make an archive of them.'), { kind: 'error' });
    composer.current?.attach(files);
  };
  const takes = (event: DragEvent) => carriesFiles(event.dataTransfer) && chat.mayAttach();
  const onDragOver = (event: DragEvent) => {
    if (!takes(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    setOver(true);
  };
  const onDragLeave = (event: DragEvent) => {
    if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
  };
  const onDrop = (event: DragEvent) => {
    setOver(false);
    if (!takes(event)) return;
    event.preventDefault();
    take(event.dataTransfer);
  };
  const onPaste = (event: ClipboardEvent) => {
    if (!pastesFiles(event.clipboardData) || !chat.mayAttach()) return;
    event.preventDefault();
    take(event.clipboardData);
  };
  return { over, handlers: { onDragOver, onDragLeave, onDrop, onPaste } };
}

export function Panel({ chat }: PartProps) {
  useChat(chat);
  const { t } = chat.room;
  const { run } = useAction(chat.room);
  const list = useRef<ListHandle>(null);
  const composer = useRef<ComposerHandle>(null);
  const [asks, setAsks] = useState(false);
  const { over, handlers } = useFiles(chat, composer);
  const toEnd = () => void run(() => chat.toNewest()).then(() => list.current?.toEnd());
  const wishes: Wishes = {
    reply: (message: Message) => composer.current?.reply(message),
    edit: (message: Message) => composer.current?.edit(message),
    show: (id: string) => {
      setAsks(false);
      requestAnimationFrame(() => list.current?.show(id) || chat.room.toast(t('This message is further up.')));
    },
  };
  useEffect(() => {
    if (asks) void run(() => chat.loadQuestions());
    return () => chat.closeQuestions();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- when they are opened
  }, [chat, asks]);
  useEffect(() => {
    // Who was reading far up when the panel was closed begins at the end again.
    if (chat.history.hasNewer) void chat.toNewest();
  }, [chat]);

  if (chat.failed) return <Failed chat={chat} />;
  if (!chat.state) return <p className="chat-beginning">{t('Loading the chat…')}</p>;
  return (
    <div className="chat" {...handlers}>
      <Modes chat={chat} />
      <div className="chat-views" role="group" aria-label={t('What is shown')}>
        <button type="button" aria-pressed={!asks} onClick={() => setAsks(false)}>
          {t('Chat')}
        </button>
        <button type="button" aria-pressed={asks} onClick={() => setAsks(true)}>
          {t('Questions')}
        </button>
      </div>
      <Pinned chat={chat} wishes={wishes} />
      <div className="chat-body">
        {asks ? <div className="chat-scroll"><Questions chat={chat} wishes={wishes} /></div> : <List ref={list} chat={chat} wishes={wishes} />}
        {!asks && <NewLines chat={chat} onShow={toEnd} />}
      </div>
      <Composer ref={composer} chat={chat} />
      {over && <p className="chat-drop">{t('Drop them: they go with your next message.')}</p>}
    </div>
  );
}
