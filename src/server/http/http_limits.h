// Bounds what one client, and all of them, can make the HTTP server hold and wait for.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace varve::server {

inline constexpr uint32_t kHeaderBytesMax = 16 << 10;
// Of bodies being received and calls being answered, of all connections.
inline constexpr size_t kBodiesBytesMax = size_t{256} << 20;
// Of answers being made and sent, of all connections. Smaller ones are not counted: an answer that
// something was written must not become a refusal.
inline constexpr size_t kAnswersBytesMax = size_t{256} << 20;
inline constexpr size_t kAnswerBytesCounted = size_t{4} << 10;
// Of one answer, before compression.
inline constexpr size_t kAnswerBytesMax = size_t{64} << 20;
// A sender's batch has some thousands; the bound is for memory: two bytes become a hundred here.
inline constexpr size_t kRequestSamplesMax = 250'000;
// Steps of a ring that one series may cover: a month and a half of seconds.
inline constexpr size_t kSeriesPointsMax = size_t{1} << 22;
// A larger or encoded body is read on a pool: an io thread must not be held for milliseconds.
inline constexpr size_t kInlineBodyBytesMax = size_t{128} << 10;
inline constexpr size_t kGzipBytesMin = 1400;  // less fits into a packet anyway

inline constexpr std::chrono::seconds kIdleTimeout{75};    // between requests
inline constexpr std::chrono::seconds kHeaderTimeout{30};  // from its first byte
// A body is complete within the first, and of a longer one so much comes in each of the second: who
// sends slower, or nothing, holds what it sent for no longer than that.
inline constexpr std::chrono::seconds kBodyTimeout{120};
inline constexpr std::chrono::seconds kBodyPieceTimeout{10};
inline constexpr size_t kBodyPieceBytesMin = size_t{160} << 10;
inline constexpr std::chrono::seconds kWriteTimeout{30};
inline constexpr int64_t kWriteBytesPerSecondMin = 16 << 10;  // longer answers get more time
inline constexpr std::chrono::seconds kLingerTimeout{2};
// Where there are as many connections as may be, a new one takes the place of one that does
// nothing: of the oldest whose first header has not come for so long, else of the longest idle.
inline constexpr std::chrono::seconds kDisplaceUnservedAfter{1};
inline constexpr std::chrono::seconds kDisplaceIdleAfter{10};
inline constexpr size_t kLingerBytesMax = size_t{64} << 20;

inline constexpr size_t kJsonDepthMax = 64;
// Of a json value in an answer: readers have bounds too, the lowest usual one is about 1000.
inline constexpr size_t kAnswerDepthMax = 512;
// Of one object whose fields a call knows; none has more than ten. Each is compared with the rest.
inline constexpr size_t kJsonFieldsMax = 64;

}  // namespace varve::server
