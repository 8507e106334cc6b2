import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Crop } from '../../../crates/web/assets/static/js/models/crop.js';

test('the largest square in the middle comes first', () => {
  const crop = new Crop(400, 200);
  assert.deepEqual([crop.left, crop.top, crop.edge], [100, 0, 200]);
});

test('a square never leaves the image', () => {
  const crop = new Crop(400, 200);
  crop.move(9, 9);
  assert.deepEqual([crop.left, crop.top], [200, 0]);
  crop.enlarge(9);
  assert.equal(crop.edge, 50);
  crop.move(-99, 99);
  assert.deepEqual([crop.left, crop.top], [0, 150]);
  crop.enlarge(0);
  assert.deepEqual([crop.left, crop.top, crop.edge], [0, 0, 200]);
});
