// Leaves of a request's samples those whose metrics exist.
//
// Threads:  safe; the metrics may change meanwhile, which the ring writer looks at again.
#pragma once

#include <cstddef>
#include <vector>

#include "ingest/ring_writer.h"
#include "ring/ring_store.h"

namespace varve::server {

// Returns how many stay, in their order. Only for samples that name their metric by name and tags.
size_t KeepKnown(const ring::RingStore& rings, std::vector<ingest::SampleInput>& samples);

}  // namespace varve::server
