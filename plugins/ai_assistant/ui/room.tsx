import { definePlugin } from '@audimax/room';

export default definePlugin(() => undefined);
