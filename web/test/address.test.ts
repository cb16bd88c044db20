import {deepEqual, equal} from 'node:assert/strict';
import {test} from 'node:test';

import {formatAddress, parseAddress, type View} from '../src/address.ts';
import {kDefaultRange} from '../src/times.ts';

test('a view goes through the address and back', () => {
  const views: View[] = [
    {metric: 7, range: {kind: 'live', seconds: 3600}},
    {metric: undefined, range: {kind: 'live', seconds: 300}},
    {metric: 1, range: {kind: 'fixed', start: 100, end: 200}},
  ];
  for (const view of views) deepEqual(parseAddress(formatAddress(view)), view);
  equal(formatAddress(views[0]!), '?metric=7&range=1h');
});

test('what is not understood is left at its default', () => {
  for (const search
           of ['', '?metric=x', '?metric=-1', '?metric=99999999999', '?range=2y',
               '?start=5&end=5']) {
    deepEqual(parseAddress(search), {metric: undefined, range: kDefaultRange}, search);
  }
});
