#include "addon/link.h"

namespace latino::addon {

std::shared_ptr<Link> Link::open(Napi::Env env, const Napi::Value& kept) {
  const std::shared_ptr<Link> link(new Link);
  const auto gate = link->gate_;
  auto hook = std::make_unique<std::shared_ptr<Gate>>(gate);  // freed by `close`, or by the finalizer
  // The function does nothing; what is a property of it lives as long as it does.
  const Napi::Function keeper = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
  keeper.Set("kept", kept);
  link->toJavaScript_ = Napi::ThreadSafeFunction::New(env, keeper, "latino", 0, 1, [gate, hook = hook.get()](Napi::Env finalEnv) {
    {
      const std::lock_guard lock(gate->mutex);
      if (!gate->open) return;
      gate->open = false;
    }
    napi_remove_env_cleanup_hook(finalEnv, close, hook);
    delete hook;
  });
  // Added after the function's own hook, so it runs before.
  napi_add_env_cleanup_hook(env, close, hook.release());
  // Only now is there something to release: a worker that is being terminated throws at any line above.
  gate->open = true;
  return link;
}

void Link::close(void* held) {
  const std::unique_ptr<std::shared_ptr<Gate>> gate(static_cast<std::shared_ptr<Gate>*>(held));
  const std::lock_guard lock((*gate)->mutex);
  (*gate)->open = false;
}

Link::~Link() {
  const std::lock_guard lock(gate_->mutex);
  if (gate_->open) toJavaScript_.Release();
}

bool Link::whileAlive(const std::function<void()>& use) {
  const std::lock_guard lock(gate_->mutex);
  if (!gate_->open) return false;
  use();
  return true;
}

void Link::visit(std::function<void(Napi::Env, Napi::Value)> visit) {
  const std::lock_guard lock(gate_->mutex);
  if (!gate_->open) return;
  toJavaScript_.NonBlockingCall([visit = std::move(visit)](Napi::Env env, const Napi::Function& keeper) {
    // A worker that is being terminated runs no JavaScript: then nobody is left to tell.
    try {
      const Napi::HandleScope scope(env);
      visit(env, keeper.Get("kept"));
    } catch (const Napi::Error&) {
    }
  });
}

}  // namespace latino::addon
