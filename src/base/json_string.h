// Writes text as a JSON string.
//
// Layout:   RFC 8259, with the quotes. What must be escaped is, and DEL; each byte that begins no
//           UTF-8 character becomes U+FFFD, so that the result is always UTF-8.
// Threads:  no shared state.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace varve {

void AppendJsonString(std::string_view text, std::string& out);

inline std::string JsonString(std::string_view text) {
  std::string out;
  AppendJsonString(text, out);
  return out;
}

// How many bytes at the start of `text` are ASCII that stands for itself in a string.
size_t PlainJsonBytes(std::string_view text);

// Bytes of the UTF-8 character at the start of `text`, which is not empty; 0: there is none.
size_t Utf8CharacterBytes(std::string_view text);

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

}  // namespace varve
