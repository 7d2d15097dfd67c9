// Promises that work on other threads settles.
#pragma once

#include <napi.h>

#include <exception>
#include <functional>
#include <vector>

#include "addon/convert.h"
#include "addon/link.h"
#include "tensor/device.h"

namespace latino::addon {

/// A promise of `value`, settled when `work`, which runs in the device's queue, calls its second argument, once and on any thread, or
/// throws. Where the value is an array, the work may fill it, by `Link::whileAlive`.
Napi::Promise inQueue(Napi::Env env, Device& device, const Napi::Value& value, std::function<void(std::shared_ptr<Link>, Completion)> work);

/// A promise of what `result` makes, on JavaScript's thread, when `work` has run on one of libuv's threads: beside the devices' queues, so
/// that a network that runs does not delay it. `kept` are the arrays whose memory it uses; Node waits for it at the end of a worker.
Napi::Promise inPool(Napi::Env env, std::vector<Napi::Value> kept, std::function<void()> work,
                     std::function<Napi::Value(Napi::Env)> result);
/// The same, of the last of `kept`.
Napi::Promise inPool(Napi::Env env, std::vector<Napi::Value> kept, std::function<void()> work);

}  // namespace latino::addon
