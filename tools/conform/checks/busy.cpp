// SPDX-License-Identifier: Apache-2.0
#include "tools/conform/checks/busy.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace rlx::conform {
namespace {

/// [n, n] with ones that move column c to column c + 1.
std::string shift_matrix(std::size_t n) {
  std::vector<float> ones(n * n);
  for (std::size_t i = 0; i < n; ++i) ones[i * n + (i + 1) % n] = 1;
  return {reinterpret_cast<const char*>(ones.data()), ones.size() * sizeof(float)};
}

}  // namespace

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double waited_ms() {
  // "ran waited turns", in nanoseconds.
  const int file = ::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  char text[96] = "";
  const ssize_t size = file < 0 ? 0 : ::read(file, text, sizeof text - 1);
  if (file >= 0) ::close(file);
  const char* second = size > 0 ? strchr(text, ' ') : nullptr;
  return second ? static_cast<double>(std::strtoull(second, nullptr, 10)) * 1e-6 : 0;
}

double fair_ms() {
  const double waited = waited_ms();
  return now_ms() - waited;
}

std::vector<std::string> native_mixes(Session& session) {
  std::vector<std::string> out;
  for (const char* name : {"busy/mix_composite", "busy/mix_dot", "busy/mix_param_dot", "busy/mix_sums", "busy/mix_chain", "busy/mix_adds"}) {
    Model model(session, session.run().image(name));
    if (model.native()) out.emplace_back(name);
  }
  if (out.empty()) session.run().unsupported("none of the images with some work is NATIVE as a whole");
  return out;
}

void fill_busy(Model& model, std::uint64_t seed) {
  model.fill(seed);
  for (std::size_t i = 0; i < model.info().inputs.size(); ++i)
    if (model.info().inputs[i].name == "w") model.set_input(i, shift_matrix(static_cast<std::size_t>(model.info().inputs[i].dims[0])));
}

Busy busy_model(Session& session, double milliseconds) {
  Busy busy;
  Run& run = session.run();
  for (const char* kind : {"dot_16", "dot_32", "dot_64", "dot_128", "dot_256", "dot_512", "dot_1024", "dot_2048", "dot_4096", "dot_8192", "dot_16384", "dot_32768", "dot_most", "add_256", "add_4096", "add_65536"}) {
    if (busy.model && !strncmp(kind, "add", 3)) break;
    auto model = std::make_unique<Model>(session, run.image(std::string("busy/busy_") + kind));
    if (!model->native()) continue;
    if (!model->compile() || !model->prepare() || !model->make_context()) return {};
    fill_busy(*model, 3);
    const double begin = fair_ms();
    if (!model->run(0)) return {};
    busy.milliseconds = fair_ms() - begin;
    busy.right = model->outputs();
    busy.model = std::move(model);
    if (busy.milliseconds >= milliseconds) break;
  }
  if (!busy.model && !run.failed()) run.unsupported("none of the long images is NATIVE as a whole");
  return busy;
}

void on_thread(std::size_t stack_bytes, const std::function<void()>& body) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  pthread_t thread;
  const auto enter = [](void* argument) -> void* {
    (*static_cast<const std::function<void()>*>(argument))();
    return nullptr;
  };
  if (!pthread_create(&thread, &attributes, enter, const_cast<std::function<void()>*>(&body))) pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

void on_threads(unsigned count, const std::function<void(unsigned)>& body) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace rlx::conform
