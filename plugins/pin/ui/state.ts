/** What hosts know of the room's PIN, as the server says; the PIN itself only while it is shown. */
import type { RoomApi } from '@audimax/room';

export interface Waits {
  id: string;
  name: string;
  since: string;
  pin: 'right' | 'wrong' | 'unchecked';
}
export interface State {
  is_set: boolean;
  changed_at: string;
  changed_by: string;
  is_spent: boolean;
  waiting: Waits[];
}
export interface Shown {
  pin: string;
  link: string;
}

export class Desk {
  state: State | null = null;
  failed = false;
  shown: Shown | null = null;

  constructor(readonly room: RoomApi) {}

  get waiting(): Waits[] {
    return this.state?.waiting ?? [];
  }

  async fetch(): Promise<void> {
    try {
      this.state = await this.room.api.get<State>('/state');
      this.failed = false;
    } catch {
      this.failed = true;
    }
    this.room.refresh();
  }

  async make(): Promise<void> {
    this.shown = await this.room.api.post<Shown>('/make', {});
    await this.fetch();
  }

  async remove(): Promise<void> {
    this.shown = null;
    await this.room.api.post('/remove', {});
    await this.fetch();
  }

  async letIn(one: Waits): Promise<void> {
    await this.room.api.post('/let-in', { id: one.id });
    await this.fetch();
  }

  async letInRight(): Promise<void> {
    await this.room.api.post('/let-in-right', {});
    await this.fetch();
  }

  /** Once the dialog is closed nobody reads it over a shoulder, or from a shared screen. */
  hide() {
    this.shown = null;
  }
}
