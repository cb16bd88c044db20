import {deepEqual, equal} from 'node:assert/strict';
import {test} from 'node:test';

import {matches, nameMatches, parseFilter} from '../src/filter.ts';

const metric = {
  name: 'CPU_percent',
  tags: {host: 'web 1', zone: 'a'}
};
const found = (text: string): boolean => matches(metric, parseFilter(text));

test('words and tags are told apart', () => {
  const {words, tags} = parseFilter('Cpu host=web-1  "two words" zone=');
  deepEqual(words, ['cpu', 'two words', 'zone']);
  deepEqual({...tags}, {host: 'web-1'});
  deepEqual(parseFilter('').words, []);
  deepEqual({...parseFilter('host="web 1').tags}, {host: 'web 1'});
  deepEqual(parseFilter('=x').words, ['=x']);
});

test('every word must occur, in the name or in a tag', () => {
  equal(found('cpu'), true);
  equal(found('PERCENT cpu'), true);
  equal(found('cpu memory'), false);
  equal(found('zone'), true);
  equal(found(''), true);
});

test('a tag matches from its beginning', () => {
  equal(found('host="web 1"'), true);
  equal(found('host=web'), true);
  equal(found('host=eb'), false);
  equal(found('rack=1'), false);
  equal(found('cpu zone=a'), true);
});

test('names alone are matched by the words', () => {
  equal(nameMatches('CPU_percent', parseFilter('cpu host=x')), true);
  equal(nameMatches('CPU_percent', parseFilter('zone')), false);
});
