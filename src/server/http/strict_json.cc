#include "server/http/strict_json.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>

#include <cmath>
#include <optional>

#include "base/json_string.h"
#include "server/http/http_limits.h"

namespace varve::server {
namespace {

// Shorter ones without an exponent are within a double.
constexpr size_t kFiniteDigits = 300;

class StrictCopier {
 public:
  StrictCopier(std::string_view text, std::string& out) : text_(text), out_(out) {}

  // False: the text is no JSON; some of it may have been appended.
  bool Copy() {
    for (;;) {
      if (!Value()) return false;
      for (CopyBlanks(); !open_.empty() && Pass(open_.back()); CopyBlanks()) open_.pop_back();
      if (open_.empty()) return at_ == text_.size();
      if (!Pass(',')) return false;
      if (open_.back() == '}' && !Key()) return false;
    }
  }

 private:
  // A scalar, or what begins arrays and objects up to the first scalar in them, or to an empty one.
  bool Value() {
    for (CopyBlanks(); At('[') || At('{'); CopyBlanks()) {
      if (open_.size() == kAnswerDepthMax) return false;
      open_ += At('[') ? ']' : '}';
      Take(1);
      CopyBlanks();
      if (At(open_.back())) return true;
      if (open_.back() == '}' && !Key()) return false;
    }
    if (At('"')) return String();
    for (const std::string_view word : {"null", "true", "false"}) {
      if (!Rest().starts_with(word)) continue;
      Take(word.size());
      return true;
    }
    return NotFinite() || Number();
  }

  bool Key() {
    CopyBlanks();
    if (!At('"') || !String()) return false;
    CopyBlanks();
    return Pass(':');
  }

  bool String() {
    Take(1);
    for (;;) {
      Take(PlainJsonBytes(Rest()));
      if (at_ == text_.size() || static_cast<uint8_t>(text_[at_]) < 0x20) return false;
      if (Pass('"')) return true;
      if (At('\\')) {
        if (!Escape()) return false;
        continue;
      }
      const size_t bytes = Utf8CharacterBytes(Rest());
      if (bytes > 0) {
        Take(bytes);
      } else {
        out_ += kReplacementCharacter;
        ++at_;
      }
    }
  }

  bool Escape() {
    const std::string_view rest = Rest();
    if (rest.size() < 2) return false;
    if (rest[1] != 'u') {
      if (std::string_view("\"\\/bfnrt").find(rest[1]) == std::string_view::npos) return false;
      Take(2);
      return true;
    }
    const auto unit = UnitAt(0);
    if (!unit) return false;
    const bool is_high = *unit >= 0xD800 && *unit < 0xDC00;
    const bool is_low = *unit >= 0xDC00 && *unit < 0xE000;
    const auto next = is_high ? UnitAt(kUnitBytes) : std::nullopt;
    if (is_low || (is_high && !(next && *next >= 0xDC00 && *next < 0xE000))) {
      out_ += kReplacementCharacter;
      at_ += kUnitBytes;
    } else {
      Take(is_high ? 2 * kUnitBytes : kUnitBytes);
    }
    return true;
  }

  // Of the "\uXXXX" so many bytes ahead.
  std::optional<uint32_t> UnitAt(size_t ahead) const {
    const std::string_view rest = Rest();
    if (rest.size() < ahead + kUnitBytes || rest[ahead] != '\\' || rest[ahead + 1] != 'u') {
      return std::nullopt;
    }
    const std::string_view digits = rest.substr(ahead + 2, 4);
    uint32_t unit = 0;
    for (const char c : digits) {
      if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return std::nullopt;
      const uint32_t digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
      unit = unit * 16 + digit;
    }
    return unit;
  }

  bool NotFinite() {
    const size_t sign = At('-') ? 1 : 0;
    const std::string_view rest = Rest().substr(sign);
    for (const absl::string_view word : {"nan", "infinity", "inf"}) {
      if (!absl::StartsWithIgnoreCase({rest.data(), rest.size()}, word)) continue;
      at_ += sign + word.size();
      out_ += "null";
      return true;
    }
    return false;
  }

  bool Number() {
    const std::string_view rest = Rest();
    size_t end = At('-') ? 1 : 0;
    const auto digits = [&] {
      const size_t begin = end;
      while (end < rest.size() && absl::ascii_isdigit(static_cast<unsigned char>(rest[end]))) ++end;
      return end - begin;
    };
    const auto is = [&](std::string_view any) {
      return end < rest.size() && any.find(rest[end]) != std::string_view::npos;
    };
    const bool leading_zero = is("0");
    const size_t whole = digits();
    if (whole == 0 || (leading_zero && whole > 1)) return false;
    if (is(".")) {
      ++end;
      if (digits() == 0) return false;
    }
    const bool has_exponent = is("eE");
    if (has_exponent) {
      ++end;
      if (is("+-")) ++end;
      if (digits() == 0) return false;
    }
    double value = 0;
    if ((has_exponent || whole > kFiniteDigits) && absl::SimpleAtod({rest.data(), end}, &value) &&
        !std::isfinite(value)) {
      at_ += end;
      out_ += "null";
    } else {
      Take(end);
    }
    return true;
  }

  std::string_view Rest() const { return text_.substr(at_); }
  bool At(char c) const { return at_ < text_.size() && text_[at_] == c; }
  void Take(size_t bytes) {
    out_.append(text_, at_, bytes);
    at_ += bytes;
  }
  bool Pass(char c) {
    if (!At(c)) return false;
    Take(1);
    return true;
  }
  void CopyBlanks() {
    while (At(' ') || At('\n') || At('\t') || At('\r')) Take(1);
  }

  static constexpr size_t kUnitBytes = 6;
  const std::string_view text_;
  std::string& out_;
  size_t at_ = 0;
  std::string open_;  // what closes the arrays and objects that are open
};

}  // namespace

void AppendStrictJson(std::string_view text, std::string& out) {
  const size_t begin = out.size();
  if (StrictCopier(text, out).Copy()) return;
  out.resize(begin);
  AppendJsonString(text, out);
}

}  // namespace varve::server
