#include "addon/promise.h"

#include <memory>

namespace latino::addon {

namespace {

/// What `work` throws.
template <class Work>
std::exception_ptr errorOf(const Work& work) noexcept {
  try {
    work();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

/// On JavaScript's thread.
template <class Result>
void settle(Napi::Env env, const Napi::Promise::Deferred& deferred, const std::exception_ptr& error, const Result& result) {
  try {
    if (error) std::rethrow_exception(error);
    deferred.Resolve(result());
  } catch (const Napi::Error& thrown) {
    deferred.Reject(thrown.Value());
  } catch (...) {
    deferred.Reject(makeError(env, std::current_exception()).Value());
  }
}

class PoolWork final : public Napi::AsyncWorker {
 public:
  PoolWork(Napi::Env env, const std::vector<Napi::Value>& kept, std::function<void()> work, std::function<Napi::Value(Napi::Env)> result)
      : AsyncWorker(env, "latino"),
        deferred_(Napi::Promise::Deferred::New(env)),
        kept_(Napi::Persistent(Napi::Object::New(env))),
        work_(std::move(work)),
        result_(std::move(result)) {
    for (std::uint32_t i = 0; i < kept.size(); ++i) kept_.Set(i, kept[i]);
    if (!kept.empty()) kept_.Set("last", kept.back());
  }

  Napi::Promise promise() const { return deferred_.Promise(); }
  void Execute() override { error_ = errorOf(work_); }
  void OnOK() override {
    settle(Env(), deferred_, error_, [this] { return result_ ? result_(Env()) : Napi::Value(kept_.Get("last")); });
  }

 private:
  Napi::Promise::Deferred deferred_;
  Napi::ObjectReference kept_;
  std::function<void()> work_;
  std::function<Napi::Value(Napi::Env)> result_;
  std::exception_ptr error_;
};

}  // namespace

Napi::Promise inQueue(Napi::Env env, Device& device, const Napi::Value& value,
                      std::function<void(std::shared_ptr<Link>, Completion)> work) {
  const auto deferred = std::make_shared<Napi::Promise::Deferred>(Napi::Promise::Deferred::New(env));
  device.queue().enqueue([deferred, link = Link::open(env, value), work = std::move(work)] {
    const Completion done = [deferred, link](std::exception_ptr error) {
      link->visit([deferred, error](Napi::Env callEnv, Napi::Value kept) { settle(callEnv, *deferred, error, [&] { return kept; }); });
    };
    if (const std::exception_ptr error = errorOf([&] { work(link, done); })) done(error);
  });
  return deferred->Promise();
}

Napi::Promise inPool(Napi::Env env, std::vector<Napi::Value> kept, std::function<void()> work,
                     std::function<Napi::Value(Napi::Env)> result) {
  auto* worker = new PoolWork(env, kept, std::move(work), std::move(result));  // deletes itself
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

Napi::Promise inPool(Napi::Env env, std::vector<Napi::Value> kept, std::function<void()> work) {
  return inPool(env, std::move(kept), std::move(work), nullptr);
}

}  // namespace latino::addon
