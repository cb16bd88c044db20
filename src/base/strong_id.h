// Makes integers of different meaning different types, so that one cannot be passed as another.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace varve {

template <typename Tag, typename T>
struct StrongId {
  using Value = T;
  T value{};

  constexpr StrongId() = default;
  constexpr explicit StrongId(T v) : value(v) {}
  friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
};

}  // namespace varve

template <typename Tag, typename T>
struct std::hash<varve::StrongId<Tag, T>> {
  size_t operator()(const varve::StrongId<Tag, T>& id) const noexcept {
    return std::hash<T>()(id.value);
  }
};
