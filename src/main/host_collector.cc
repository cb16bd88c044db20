#include "main/host_collector.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

namespace varve {
namespace {

constexpr int64_t kSecondUs = 1'000'000;

}  // namespace

HostCollector::HostCollector(HostReader reader, ingest::RingWriter& writer, Clock& clock)
    : reader_(std::move(reader)), writer_(writer), clock_(clock), host_(reader_.HostName()) {}

HostCollector::~HostCollector() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void HostCollector::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "collect-host");
    Run();
  });
}

void HostCollector::Run() {
  int64_t last = -1;
  while (true) {
    const int64_t now_us = clock_.NowUs();
    const int64_t second = now_us / kSecondUs;
    if (second != last) Collect(second);
    last = second;
    const std::chrono::microseconds left((second + 1) * kSecondUs - clock_.NowUs());
    MutexLock lock(mu_);
    const auto ended = [this]() VARVE_REQUIRES(mu_) { return stopping_; };
    if (changed_.WaitFor(mu_, left, ended)) return;
  }
}

void HostCollector::Collect(int64_t ts) {
  if (!state_->Begin()) return;
  const Status read = reader_.Read(values_);
  const ingest::TagInput tag{"host", host_};
  samples_.clear();
  for (const HostValue& value : values_) {
    ingest::SampleInput sample;
    sample.name = value.name;
    sample.tags = std::span(&tag, 1);
    sample.type = value.counter ? ring::MetricType::kCounter : ring::MetricType::kGauge;
    sample.shape_if_new = true;
    sample.ts = ts;
    sample.value = value.value;
    samples_.push_back(sample);
  }
  writer_.WriteAsync(samples_, [state = state_, read](const auto& written) {
    state->End(written.ok() ? read : written.status());
  });
}

bool HostCollector::State::Begin() {
  MutexLock lock(mu);
  if (writing) return false;
  writing = true;
  return true;
}

void HostCollector::State::End(const Status& result) {
  MutexLock lock(mu);
  writing = false;
  if (!result.ok() && !failing) {
    spdlog::warn("collect-host: not everything can be collected: {}", MessageOf(result));
  }
  failing = !result.ok();
}

}  // namespace varve
