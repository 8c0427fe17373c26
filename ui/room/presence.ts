/** Whether this tab was in the call: then a reload goes straight back in. */
import { remember, remembered } from './choices';

const key = (roomId: string) => `audimax:inside:${roomId}`;
const storage = () => sessionStorage;

export const wasInside = (roomId: string): string => remembered(key(roomId), '', storage);
export const nowInside = (roomId: string, lectureId: string) => remember(key(roomId), lectureId, storage);
export const nowOutside = (roomId: string) => remember(key(roomId), undefined, storage);
