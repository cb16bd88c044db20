// Finds out at start whether a bucket can be used, and says in one sentence why not.
//
// Role:     main -> [CheckBucket, ProbeConditionalPut] -> S3Store.
// Errors:   FailedPrecondition with the sentence for the operator; nothing is left in the bucket
//           but, when the process is killed, a small object below .varve-probe/.
#pragma once

#include <chrono>

#include "base/random.h"
#include "base/status.h"
#include "io/object_store.h"
#include "io/s3/s3_store.h"

namespace varve::io {

// One listing request: is the endpoint there, does it know the bucket, the keys, the token, and may
// the keys be used for it?
Status CheckBucket(S3Store& store);

struct ProbeSettings {
  int rounds = 8;
  int writers = 8;
};

// Lets several writers race to create one object, round by round: exactly one may win, and its
// content must be what stays. A store where two win loses commits.
Status ProbeConditionalPut(ObjectStore& store, Random& random, ProbeSettings settings = {});

}  // namespace varve::io
