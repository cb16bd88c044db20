// Lists the words that may stand in a date or time: months, weekdays, zones, special values.
#pragma once

#include <array>
#include <string_view>

#include "ingest/civil_text.h"

namespace varve::ingest {

struct NamedNumber {
  std::string_view name;
  int number;
};

inline constexpr std::array kMonths = {
    NamedNumber{"jan", 1},       NamedNumber{"january", 1},  NamedNumber{"feb", 2},
    NamedNumber{"february", 2},  NamedNumber{"mar", 3},      NamedNumber{"march", 3},
    NamedNumber{"apr", 4},       NamedNumber{"april", 4},    NamedNumber{"may", 5},
    NamedNumber{"jun", 6},       NamedNumber{"june", 6},     NamedNumber{"jul", 7},
    NamedNumber{"july", 7},      NamedNumber{"aug", 8},      NamedNumber{"august", 8},
    NamedNumber{"sep", 9},       NamedNumber{"sept", 9},     NamedNumber{"september", 9},
    NamedNumber{"oct", 10},      NamedNumber{"october", 10}, NamedNumber{"nov", 11},
    NamedNumber{"november", 11}, NamedNumber{"dec", 12},     NamedNumber{"december", 12},
};

inline constexpr std::array<std::string_view, 19> kWeekdays = {
    "sun", "sunday", "mon",       "monday",   "tue",  "tues",  "tuesday",
    "wed", "weds",   "wednesday", "thu",      "thur", "thurs", "thursday",
    "fri", "friday", "sat",       "saturday", "on"};

// The zone abbreviations that are written in practice, in minutes east of UTC.
inline constexpr std::array kZones = {
    NamedNumber{"z", 0},       NamedNumber{"zulu", 0},   NamedNumber{"utc", 0},
    NamedNumber{"uct", 0},     NamedNumber{"ut", 0},     NamedNumber{"gmt", 0},
    NamedNumber{"wet", 0},     NamedNumber{"bst", 60},   NamedNumber{"wat", 60},
    NamedNumber{"cet", 60},    NamedNumber{"met", 60},   NamedNumber{"mez", 60},
    NamedNumber{"cest", 120},  NamedNumber{"mest", 120}, NamedNumber{"mesz", 120},
    NamedNumber{"sast", 120},  NamedNumber{"eet", 120},  NamedNumber{"ist", 120},
    NamedNumber{"eest", 180},  NamedNumber{"idt", 180},  NamedNumber{"eat", 180},
    NamedNumber{"msk", 180},   NamedNumber{"irt", 210},  NamedNumber{"npt", 345},
    NamedNumber{"pkt", 300},   NamedNumber{"ict", 420},  NamedNumber{"hkt", 480},
    NamedNumber{"sgt", 480},   NamedNumber{"pht", 480},  NamedNumber{"awst", 480},
    NamedNumber{"jst", 540},   NamedNumber{"kst", 540},  NamedNumber{"acst", 570},
    NamedNumber{"aest", 600},  NamedNumber{"acdt", 630}, NamedNumber{"aedt", 660},
    NamedNumber{"nzst", 720},  NamedNumber{"nzdt", 780}, NamedNumber{"brt", -180},
    NamedNumber{"art", -180},  NamedNumber{"clt", -180}, NamedNumber{"nst", -210},
    NamedNumber{"ast", -240},  NamedNumber{"ndt", -150}, NamedNumber{"adt", -180},
    NamedNumber{"est", -300},  NamedNumber{"edt", -240}, NamedNumber{"cst", -360},
    NamedNumber{"cdt", -300},  NamedNumber{"mst", -420}, NamedNumber{"mdt", -360},
    NamedNumber{"pst", -480},  NamedNumber{"pdt", -420}, NamedNumber{"akst", -540},
    NamedNumber{"akdt", -480}, NamedNumber{"hst", -600},
};

struct NamedSpecial {
  std::string_view name;
  SpecialTime special;
};
inline constexpr std::array kSpecials = {
    NamedSpecial{"epoch", SpecialTime::kEpoch},
    NamedSpecial{"infinity", SpecialTime::kInfinity},
    NamedSpecial{"now", SpecialTime::kNow},
    NamedSpecial{"today", SpecialTime::kToday},
    NamedSpecial{"tomorrow", SpecialTime::kTomorrow},
    NamedSpecial{"yesterday", SpecialTime::kYesterday},
};

}  // namespace varve::ingest
