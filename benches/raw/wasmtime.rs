//! wasmtime's own crate, with the settings that our backend gives it.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use wasmtime::{
    Caller, Config, Enabled, Engine, Extern, InstanceAllocationStrategy, InstancePre, Linker,
    Memory, Module, PoolingAllocationConfig, Result, Store, StoreLimits, StoreLimitsBuilder,
    TypedFunc,
};

use super::{
    FUEL, MEMORY, OUTPUT, RawEngine, RawInstance, RawModule, SLICE, TABLE, TIMEOUT, WASI,
    input_len, lies_in, no_variables, output, written,
};
use crate::block_on;

/// With fuel, fibers, a deadline and a bound on memory.
pub struct Limited(Setup);

/// With nothing that stops a guest, called without a fiber.
pub struct Unlimited(Setup);

#[derive(Clone)]
struct Setup {
    engine: Engine,
    hook: &'static str,
}

impl Limited {
    pub fn new(hook: &'static str) -> Self {
        let mut config = config();
        config.consume_fuel(true);
        Self(Setup::new(&config, hook))
    }
}

impl Unlimited {
    pub fn new(hook: &'static str) -> Self {
        Self(Setup::new(&config(), hook))
    }
}

impl Setup {
    fn new(config: &Config, hook: &'static str) -> Self {
        Self { engine: Engine::new(config).expect("wasmtime works here"), hook }
    }
}

/// What makes calls and instances faster for us is not kept from the engine.
fn config() -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_memories(32);
    pool.total_tables(64);
    pool.total_stacks(32);
    pool.total_core_instances(32);
    pool.max_memory_size(1 << 32);
    pool.table_elements(TABLE);
    pool.max_core_instance_size(16 << 20);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes);
        pool.linear_memory_keep_resident(1 << 20);
        pool.table_keep_resident(64 << 10);
    }
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config.wasm_backtrace_max_frames(None);
    config.concurrency_support(false);
    config.wasm_gc(false);
    config
}

impl RawEngine for Limited {
    fn column(&self) -> &'static str {
        "raw_wasmtime"
    }

    fn compile(&self, wasm: &[u8]) -> Box<dyn RawModule> {
        Box::new(LimitedModule(Linked::new(&self.0, wasm)))
    }
}

impl RawEngine for Unlimited {
    fn column(&self) -> &'static str {
        "raw_wasmtime_sync_unlimited"
    }

    fn compile(&self, wasm: &[u8]) -> Box<dyn RawModule> {
        Box::new(UnlimitedModule(Linked::new(&self.0, wasm)))
    }
}

struct State {
    limits: StoreLimits,
}

impl State {
    fn new() -> Self {
        let limits = StoreLimitsBuilder::new()
            .memory_size(MEMORY)
            .table_elements(TABLE)
            .instances(1)
            .memories(1)
            .build();
        Self { limits }
    }
}

struct Linked {
    pre: InstancePre<State>,
    hook: &'static str,
}

impl Linked {
    fn new(setup: &Setup, wasm: &[u8]) -> Self {
        let module = Module::from_binary(&setup.engine, wasm).expect("it compiles");
        let mut linker = Linker::new(&setup.engine);
        if module.imports().any(|import| import.module() == WASI) {
            wasi(&mut linker).expect("WASI can be linked");
        }
        if module.imports().any(|import| import.module() == "env") {
            let abort = |_: u32, _: u32, _: u32, _: u32| -> Result<()> {
                Err(wasmtime::Error::msg("the guest aborted"))
            };
            linker.func_wrap("env", "abort", abort).expect("it is no duplicate");
        }
        Self { pre: linker.instantiate_pre(&module).expect("it can be linked"), hook: setup.hook }
    }

    fn store(&self) -> Store<State> {
        Store::new(self.pre.module().engine(), State::new())
    }
}

/// As much of WASI as the guests import.
fn wasi(linker: &mut Linker<State>) -> Result<(), wasmtime::Error> {
    let memory = |caller: &mut Caller<'_, State>| {
        let memory = caller.get_export("memory").and_then(Extern::into_memory);
        memory.expect("it exports its memory")
    };
    linker.func_wrap(
        WASI,
        "fd_write",
        move |mut caller: Caller<'_, State>, _: u32, list: u32, count: u32, told: u32| -> u32 {
            let memory = memory(&mut caller);
            written(memory.data_mut(&mut caller), list, count, told).map_or(21, |()| 0)
        },
    )?;
    linker.func_wrap(
        WASI,
        "environ_sizes_get",
        move |mut caller: Caller<'_, State>, count: u32, bytes: u32| -> u32 {
            let memory = memory(&mut caller);
            no_variables(memory.data_mut(&mut caller), count, bytes).map_or(21, |()| 0)
        },
    )?;
    linker.func_wrap(WASI, "environ_get", |_: u32, _: u32| -> u32 { 0 })?;
    linker.func_wrap(WASI, "proc_exit", |_: u32| -> Result<(), wasmtime::Error> {
        Err(wasmtime::Error::msg("the guest ended itself"))
    })?;
    Ok(())
}

struct LimitedModule(Linked);

struct UnlimitedModule(Linked);

impl RawModule for LimitedModule {
    fn instantiate(&self) -> Box<dyn RawInstance> {
        let mut store = self.0.store();
        store.limiter(|state| &mut state.limits);
        store.set_fuel(FUEL).expect("fuel is on");
        store.fuel_async_yield_interval(Some(SLICE)).expect("fuel is on");
        let instance = block_on(within_deadline(self.0.pre.instantiate_async(&mut store)));
        let exports = Exports::new(&mut store, &instance.expect("it starts"), self.0.hook);
        Box::new(LimitedInstance { store, exports })
    }
}

impl RawModule for UnlimitedModule {
    fn instantiate(&self) -> Box<dyn RawInstance> {
        let mut store = self.0.store();
        let instance = self.0.pre.instantiate(&mut store).expect("it starts");
        let exports = Exports::new(&mut store, &instance, self.0.hook);
        Box::new(UnlimitedInstance { store, exports })
    }
}

/// What is called, found once. A guest has some of it.
struct Exports {
    memory: Memory,
    nop: Option<TypedFunc<(), i32>>,
    malloc: Option<TypedFunc<u32, u32>>,
    free: Option<Free>,
    hook: Option<TypedFunc<(u32, u32), u64>>,
    execute: Option<TypedFunc<(u32, u32), i32>>,
    /// The host's own page, once there is one.
    page: Option<u32>,
}

enum Free {
    Sized(TypedFunc<(u32, u32), ()>),
    Plain(TypedFunc<u32, ()>),
}

impl Exports {
    fn new(store: &mut Store<State>, instance: &wasmtime::Instance, hook: &str) -> Self {
        let memory = instance.get_memory(&mut *store, "memory").expect("it exports its memory");
        let sized = instance.get_typed_func(&mut *store, "free").map(Free::Sized);
        let free = sized.or_else(|_| instance.get_typed_func(&mut *store, "free").map(Free::Plain));
        Self {
            memory,
            nop: instance.get_typed_func(&mut *store, "nop").ok(),
            malloc: instance.get_typed_func(&mut *store, "malloc").ok(),
            free: free.ok(),
            hook: instance.get_typed_func(&mut *store, hook).ok(),
            execute: instance.get_typed_func(&mut *store, "execute").ok(),
            page: None,
        }
    }

    fn read(&self, store: &Store<State>, ptr: u32, len: u32) -> Vec<u8> {
        assert!(len <= OUTPUT, "an output of {len} bytes");
        let (ptr, len) = (ptr as usize, len as usize);
        let bytes = self.memory.data(store).get(ptr..ptr + len);
        bytes.expect("the output lies in the memory").to_vec()
    }
}

struct LimitedInstance {
    store: Store<State>,
    exports: Exports,
}

impl LimitedInstance {
    fn arm(&mut self) {
        self.store.set_fuel(FUEL).expect("fuel is on");
    }

    async fn give_back(&mut self, ptr: u32, len: u32) -> Result<()> {
        match &self.exports.free {
            Some(Free::Sized(free)) => free.call_async(&mut self.store, (ptr, len)).await,
            Some(Free::Plain(free)) => free.call_async(&mut self.store, ptr).await,
            None => Ok(()),
        }
    }

    async fn call(&mut self, input: &[&[u8]]) -> Result<Option<Vec<u8>>> {
        let Exports { memory, malloc, hook, .. } = &self.exports;
        let len = input_len(input);
        let malloc = malloc.as_ref().expect("it exports malloc");
        let ptr = malloc.call_async(&mut self.store, len).await?;
        write(*memory, &mut self.store, ptr, input);
        let hook = hook.as_ref().expect("it exports the hook");
        let packed = hook.call_async(&mut self.store, (ptr, len)).await?;
        let Some((at, size)) = output(packed) else {
            self.give_back(ptr, len).await?;
            return Ok(None);
        };
        let bytes = self.exports.read(&self.store, at, size);
        if !lies_in(at, ptr, len) {
            self.give_back(at, size).await?;
        }
        self.give_back(ptr, len).await?;
        Ok(Some(bytes))
    }
}

impl RawInstance for LimitedInstance {
    fn nop(&mut self) -> i32 {
        self.arm();
        let nop = self.exports.nop.as_ref().expect("it exports nop");
        block_on(within_deadline(nop.call_async(&mut self.store, ()))).expect("it does nothing")
    }

    fn hook(&mut self, input: &[&[u8]]) -> Option<Vec<u8>> {
        self.arm();
        block_on(within_deadline(self.call(input))).expect("it answers")
    }

    fn execute(&mut self, params: &[u8]) -> i32 {
        self.arm();
        let ptr = page(&mut self.store, &mut self.exports);
        let memory = self.exports.memory;
        memory.write(&mut self.store, ptr as usize, params).expect("a page is enough");
        let execute = self.exports.execute.as_ref().expect("it exports execute");
        let len = u32::try_from(params.len()).expect("a short input");
        let call = execute.call_async(&mut self.store, (ptr, len));
        block_on(within_deadline(call)).expect("it executes")
    }
}

struct UnlimitedInstance {
    store: Store<State>,
    exports: Exports,
}

impl UnlimitedInstance {
    fn give_back(&mut self, ptr: u32, len: u32) {
        let freed = match &self.exports.free {
            Some(Free::Sized(free)) => free.call(&mut self.store, (ptr, len)),
            Some(Free::Plain(free)) => free.call(&mut self.store, ptr),
            None => Ok(()),
        };
        freed.expect("it frees");
    }
}

impl RawInstance for UnlimitedInstance {
    fn nop(&mut self) -> i32 {
        let nop = self.exports.nop.as_ref().expect("it exports nop");
        nop.call(&mut self.store, ()).expect("it does nothing")
    }

    fn hook(&mut self, input: &[&[u8]]) -> Option<Vec<u8>> {
        let Exports { memory, malloc, hook, .. } = &self.exports;
        let len = input_len(input);
        let malloc = malloc.as_ref().expect("it exports malloc");
        let ptr = malloc.call(&mut self.store, len).expect("it allocates");
        write(*memory, &mut self.store, ptr, input);
        let hook = hook.as_ref().expect("it exports the hook");
        let packed = hook.call(&mut self.store, (ptr, len)).expect("it answers");
        let Some((at, size)) = output(packed) else {
            self.give_back(ptr, len);
            return None;
        };
        let bytes = self.exports.read(&self.store, at, size);
        if !lies_in(at, ptr, len) {
            self.give_back(at, size);
        }
        self.give_back(ptr, len);
        Some(bytes)
    }

    fn execute(&mut self, params: &[u8]) -> i32 {
        let ptr = page(&mut self.store, &mut self.exports);
        let memory = self.exports.memory;
        memory.write(&mut self.store, ptr as usize, params).expect("a page is enough");
        let execute = self.exports.execute.as_ref().expect("it exports execute");
        let len = u32::try_from(params.len()).expect("a short input");
        execute.call(&mut self.store, (ptr, len)).expect("it executes")
    }
}

fn write(memory: Memory, store: &mut Store<State>, ptr: u32, parts: &[&[u8]]) {
    let mut at = ptr as usize;
    for part in parts {
        memory.write(&mut *store, at, part).expect("malloc gives what there is");
        at += part.len();
    }
}

fn page(store: &mut Store<State>, exports: &mut Exports) -> u32 {
    let memory = exports.memory;
    *exports.page.get_or_insert_with(|| {
        let pages = memory.grow(&mut *store, 1).expect("a page is allowed");
        u32::try_from(pages << 16).expect("memory is short of 4 GiB")
    })
}

/// Looks at the clock each time that the call has given way.
async fn within_deadline<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    let (deadline, mut gave_way) = (Instant::now() + TIMEOUT, false);
    let mut call = pin!(call);
    poll_fn(|context| {
        if gave_way && Instant::now() >= deadline {
            return Poll::Ready(Err(wasmtime::Error::msg("the deadline has passed")));
        }
        gave_way = true;
        call.as_mut().poll(context)
    })
    .await
}
