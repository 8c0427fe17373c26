/**
 * The room API, version 1: all that a plugin may use of the room page.
 *
 * A plugin's module has `export default function setup(room) { … }`. Everything arrives as its
 * argument, so a plain ES module without a build works as well as TypeScript.
 */
import type * as React from 'react';
import type { Participant, Room } from 'livekit-client';

export const API_VERSION = 1;

/** Undoes what was done. */
export type Dispose = () => void;

/** Something to draw: `mount` without a framework, or a React `component`. */
export type View<Props = object> =
  | { mount: (element: HTMLElement, props: Props & { room: RoomApi }) => void | Dispose; component?: undefined }
  | { component: (props: Props & { room: RoomApi }) => React.ReactNode; mount?: undefined };

/** `id` is unique within your plugin and kind; smaller `order` comes first (100 when left out). */
export interface Ordered {
  id: string;
  order?: number;
}

/** A panel at the side, with its button in the bar. One panel is open at a time. */
export type PanelSpec = Ordered & {
  title: string;
  /** A name from the icon sprite, or the address of an SVG file. */
  icon: string;
  /** A small number or word on the button. */
  badge?: () => string | number | null;
  visible?: () => boolean;
  /** A single key; the keys of the room itself can't be taken. */
  shortcut?: string;
} & View<{ close(): void }>;

/** A button in the bar (`main`), or an entry of the “More” menu (`more`). */
export interface ControlSpec extends Ordered {
  label: string | (() => string);
  icon: string | (() => string);
  group?: 'main' | 'more';
  pressed?: () => boolean;
  badge?: () => string | number | null;
  visible?: () => boolean;
  disabled?: () => boolean;
  shortcut?: string;
  onClick(): void | Promise<void>;
}

/**
 * `stage-above` and `stage-bottom` have rows of their own above and below the tiles, `stage-top` lies over them,
 * `stage-full` covers them.
 */
export type OverlaySlot = 'stage-top' | 'stage-above' | 'stage-bottom' | 'stage-full';

/** Something on the stage. */
export type OverlaySpec = Ordered & { slot: OverlaySlot; visible?: () => boolean } & View;

/**
 * A small sign above the stage that nobody can hide: what everybody must know for as long as it is so, such as that
 * something is kept. It is there while `text` gives words.
 */
export interface SignSpec extends Ordered {
  icon: string;
  text: () => string | null;
  /** Leads to more about it. */
  onClick?(): void;
}

/** A short text on a person's tile and in the list of people; null shows nothing. */
export type TileBadgeSpec = Ordered & { text: (participant: Participant) => string | null };

/** An entry of a person's menu in the list of people. */
export interface ParticipantActionSpec extends Ordered {
  label: string | ((participant: Participant) => string);
  icon: string;
  danger?: boolean;
  visible?(participant: Participant): boolean;
  run(participant: Participant): void | Promise<void>;
}

/** Buttons above the list of people, such as “Mute all”. */
export interface PeopleActionSpec extends Ordered {
  label: string | (() => string);
  icon: string;
  danger?: boolean;
  visible?(): boolean;
  run(): void | Promise<void>;
}

/**
 * Who comes first in the list of people: those to whom you give a number, the smallest at the top, such as raised
 * hands in their order. null is no opinion.
 */
export type PeopleRankSpec = Ordered & { rank: (participant: Participant) => number | null };

/** What somebody may send, if their rights and devices allow it. */
export type Sendable = 'microphone' | 'camera' | 'screen';

/**
 * Why the person may not use a device, and what they can do: said when they press its button, and when the
 * right is taken from them. Null leaves it to others.
 */
export type ExplanationSpec = Ordered & { text: (what: Sendable) => string | null };

/** A part of the room's settings dialog. */
export type SettingsSpec = Ordered & { title: string } & View;

/** Where a packet came from. Only packets of the server and of the agent reach you at all. */
export interface DataMeta {
  topic: string;
  from: 'server' | 'agent';
}

/** A text stream of the agent; `text` is everything so far, `chunk` what is new. */
export interface TextEvent {
  text: string;
  chunk: string;
  closed: boolean;
  streamId: string;
  from: string;
  attributes: Record<string, string>;
  timestamp: number;
}

/** Who looks at the page. */
export interface Me {
  identity: string;
  name: string;
  role: 'guest' | 'host';
  isHost: boolean;
}

/** What the person reads instead of “You were removed from the lecture”; a button asks to join again, or not. */
export interface Farewell {
  title: string;
  text?: string;
  mayReturn: boolean;
}

export type ConnectionState = 'connecting' | 'connected' | 'reconnecting' | 'disconnected';

/** What a route answered instead of a success; `message` may be shown to the person. */
export interface ApiError extends Error {
  status: number;
  code: string;
  problem: Record<string, unknown>;
}

/** A file that the server keeps; `/files/<id>` gives it, `/files/<id>/preview` a small picture if there is one. */
export interface StoredFile {
  id: string;
  name: string;
  mime: string;
  size: number;
  state: 'incoming' | 'checking' | 'ready' | 'refused';
  scan: 'off' | 'waiting' | 'clean' | 'infected' | 'failed';
  preview: boolean;
  refused_because?: string;
}

/** `checking`: everything has arrived, and the server looks at it. */
export type UploadState = 'waiting' | 'sending' | 'checking' | 'done' | 'failed' | 'cancelled';

/** `begin`: your own route that calls `files.begin` and answers `files.plan`; `body` is what it gets beside name, size and mime. */
export interface UploadOptions {
  begin: string;
  body?: Record<string, unknown>;
}

/** A file on its way; draw it with `room.ui.UploadRow`, or yourself. */
export interface Upload {
  readonly name: string;
  readonly size: number;
  readonly state: UploadState;
  /** Bytes. */
  readonly sent: number;
  /** Bytes per second; 0 as long as it isn't known. */
  readonly speed: number;
  /** Why it failed, or why it stands still at the moment; may be shown to the person. */
  readonly message: string;
  /** What the server keeps, once it is done. */
  readonly file: StoredFile | null;
  /** Stops it and forgets what has arrived, in whatever state before `done`. */
  cancel(): void;
  /** Goes on where it broke, or begins anew after a refusal. */
  retry(): void;
  onChange(listener: () => void): Dispose;
}

/** `onClose`: its button for one that failed or was cancelled takes it off your list. */
export interface UploadRowProps {
  upload: Upload;
  onClose(): void;
}

export interface RoomApi {
  readonly apiVersion: number;
  /** Your plugin: `config` is what your `room_ui` hook gave, `api` where your routes of this room begin. */
  readonly plugin: { id: string; name: string; config: Record<string, unknown>; api: string };
  readonly info: { id: string; title: string; lectureId: string; locale: string };
  readonly me: Me;
  /** The Room of livekit-client: the way out, not covered by the promise of stability. */
  readonly lk: Room;
  /** Aborted when the room is left or your plugin is switched off in it: give it to `fetch` and `addEventListener`. */
  readonly signal: AbortSignal;

  addPanel(panel: PanelSpec): Dispose;
  addControl(control: ControlSpec): Dispose;
  addOverlay(overlay: OverlaySpec): Dispose;
  addSign(sign: SignSpec): Dispose;
  addTileBadge(badge: TileBadgeSpec): Dispose;
  addParticipantAction(action: ParticipantActionSpec): Dispose;
  addPeopleAction(action: PeopleActionSpec): Dispose;
  addPeopleRank(rank: PeopleRankSpec): Dispose;
  addExplanation(explanation: ExplanationSpec): Dispose;
  addSettings(settings: SettingsSpec): Dispose;
  /**
   * Turn a device on as its button does, and say whether it is on now. Only when the person has pressed
   * something of yours that says so: nobody's microphone opens by itself.
   */
  turnOn(what: 'microphone' | 'camera'): Promise<boolean>;
  openPanel(id: string | null): void;
  panelOpen(id: string): boolean;
  /** Say that something has changed which your callbacks (`badge`, `visible`, `text` …) read. */
  refresh(): void;

  /** Packets that your server part sent to the room on this topic, parsed as JSON. */
  on(event: `data:${string}`, listener: (payload: unknown, meta: DataMeta) => void): Dispose;
  /** Text streams of the agent on this topic. */
  on(event: `text:${string}`, listener: (event: TextEvent) => void): Dispose;
  on(event: 'attributes', listener: (changed: Record<string, string>, participant: Participant) => void): Dispose;
  on(event: 'joined' | 'left', listener: (participant: Participant) => void): Dispose;
  /** The connection stands, for the first time or again: fetch your state, packets before it are lost. */
  on(event: 'connected', listener: () => void): Dispose;
  /** Hosts have changed the room's settings, its plugins or its hosts. All pages hear it: spread what they ask then. */
  on(event: 'settings', listener: () => void): Dispose;
  on(event: 'connection', listener: (state: ConnectionState) => void): Dispose;

  /** Your own routes. Paths begin with a slash; a refusal is thrown as an `ApiError`. */
  api: {
    get<T = unknown>(path: string): Promise<T>;
    post<T = unknown>(path: string, body?: unknown): Promise<T>;
    put<T = unknown>(path: string, body?: unknown): Promise<T>;
    patch<T = unknown>(path: string, body?: unknown): Promise<T>;
    delete<T = unknown>(path: string): Promise<T>;
  };
  /**
   * Send a file to where your server part wants it. It waits its turn, goes on by itself after a lost connection,
   * and is cancelled when the room is left.
   */
  upload(file: File, options: UploadOptions): Upload;
  /** A number of bytes as people read it. */
  formatSize(bytes: number): string;
  /** Kept by this browser, for your plugin only. */
  storage: { get<T>(key: string, fallback: T): T; set(key: string, value: unknown): void };
  toast(message: string, options?: { kind?: 'info' | 'error' }): void;
  /** What the person reads if the server puts them out from now on: send the packet with the reason before you do. */
  farewell(words: Farewell): void;
  /** Read out by screen readers, nothing visible. */
  announce(message: string): void;
  /** Your plugin's translations; the key is the English text, `{name}` is replaced. */
  t(text: string, vars?: Record<string, string | number>): string;
  /** React without a build: `const { html, useState } = room.ui`; and what is worth drawing the same everywhere. */
  ui: {
    html: (strings: TemplateStringsArray, ...values: unknown[]) => React.ReactNode;
    /** Name, progress, speed, time left, and the buttons to cancel, retry and close. */
    UploadRow: React.ComponentType<UploadRowProps>;
    /** A name from the icon sprite, or the address of an SVG file; for eyes only. */
    Icon: React.ComponentType<{ name: string; size?: number }>;
  } & Pick<
    typeof React,
    'useState' | 'useEffect' | 'useRef' | 'useMemo' | 'useCallback' | 'useId' | 'useSyncExternalStore'
  >;
}

export type PluginSetup = (room: RoomApi) => void | Dispose | Promise<void | Dispose>;

/** Gives `setup` its types: `export default definePlugin((room) => { … })`. */
export const definePlugin = (setup: PluginSetup): PluginSetup => setup;
