// Maps model types to PostgreSQL's type numbers (OIDs) and back.
//
// Role:     result columns -> RowDescription; Parse's parameter OIDs -> model types.
// Layout:   the numbers of PostgreSQL 15's pg_type, which are part of its protocol in practice.
// Threads:  no shared state.
#pragma once

#include <cstdint>

#include "model/type.h"

namespace varve::server::pg {

using Oid = uint32_t;

inline constexpr Oid kJsonOid = 114;
inline constexpr Oid kTextOid = 25;
inline constexpr Oid kNumericOid = 1700;

Oid OidOf(const Type& type);
// Bytes of a value, -1 when they vary.
int16_t TypeSizeOf(const Type& type);
// numeric(p,s) carries precision and scale; -1 for everything else.
int32_t TypeModifierOf(const Type& type);
// kUnknown for 0 and for types that the model does not know: the engine infers those.
Type TypeOfOid(Oid oid);

}  // namespace varve::server::pg
