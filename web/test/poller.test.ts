import {deepEqual} from 'node:assert/strict';
import {test} from 'node:test';

import {retryDelay} from '../src/poller.ts';

test('a call that fails is made less and less often', () => {
  deepEqual([1, 2, 3, 4, 5, 50].map(retryDelay), [1000, 2000, 4000, 8000, 10000, 10000]);
});
