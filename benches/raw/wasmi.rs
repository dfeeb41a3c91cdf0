//! wasmi's own crate, with the settings that our backend gives it.

use std::time::Instant;

use wasmi::{
    AsContextMut as _, Caller, CompilationMode, Config, Engine, Error, Extern, Linker, Memory,
    Module, Store, StoreLimits, StoreLimitsBuilder, TypedFunc, TypedResumableCall, WasmParams,
    WasmResults,
};

use super::{
    FUEL, MEMORY, OUTPUT, RawEngine, RawInstance, RawModule, SLICE, TABLE, TIMEOUT, WASI,
    input_len, lies_in, no_variables, output, written,
};

/// With fuel in slices, a deadline and a bound on memory.
pub struct Limited {
    engine: Engine,
    hook: &'static str,
}

impl Limited {
    pub fn new(hook: &'static str) -> Self {
        let mut config = Config::default();
        config.consume_fuel(true);
        config.compilation_mode(CompilationMode::Eager);
        config.ignore_custom_sections(true);
        config.set_max_recursion_depth(10_000);
        config.set_max_stack_height(4 << 20);
        Self { engine: Engine::new(&config), hook }
    }
}

impl RawEngine for Limited {
    fn column(&self) -> &'static str {
        "raw_wasmi"
    }

    fn compile(&self, wasm: &[u8]) -> Box<dyn RawModule> {
        let module = Module::new(&self.engine, wasm).expect("it compiles");
        let mut linker = Linker::new(&self.engine);
        if module.imports().any(|import| import.module() == WASI) {
            wasi(&mut linker).expect("WASI can be linked");
        }
        if module.imports().any(|import| import.module() == "env") {
            let abort = |_: u32, _: u32, _: u32, _: u32| -> Result<(), Error> {
                Err(Error::new("the guest aborted"))
            };
            linker.func_wrap("env", "abort", abort).expect("it is no duplicate");
        }
        Box::new(LimitedModule { module, linker, hook: self.hook })
    }
}

struct State {
    limits: StoreLimits,
    /// Fuel beyond the slice that the store has.
    reserve: u64,
    deadline: Instant,
}

impl State {
    fn new() -> Self {
        let limits = StoreLimitsBuilder::new()
            .memory_size(MEMORY)
            .table_elements(TABLE)
            .instances(1)
            .memories(1)
            .build();
        Self { limits, reserve: 0, deadline: Instant::now() }
    }
}

/// As much of WASI as the guests import.
fn wasi(linker: &mut Linker<State>) -> Result<(), wasmi::errors::LinkerError> {
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
    linker.func_wrap(WASI, "proc_exit", |_: u32| -> Result<(), Error> {
        Err(Error::new("the guest ended itself"))
    })?;
    Ok(())
}

struct LimitedModule {
    module: Module,
    linker: Linker<State>,
    hook: &'static str,
}

impl RawModule for LimitedModule {
    fn instantiate(&self) -> Box<dyn RawInstance> {
        let mut store = Store::new(self.module.engine(), State::new());
        store.limiter(|state| &mut state.limits);
        arm(&mut store);
        let instance = self.linker.instantiate_and_start(&mut store, &self.module);
        let instance = instance.expect("it starts");
        let memory = instance.get_memory(&store, "memory").expect("it exports its memory");
        let sized = instance.get_typed_func(&store, "free").map(Free::Sized);
        let free = sized.or_else(|_| instance.get_typed_func(&store, "free").map(Free::Plain));
        Box::new(LimitedInstance {
            memory,
            nop: instance.get_typed_func(&store, "nop").ok(),
            malloc: instance.get_typed_func(&store, "malloc").ok(),
            free: free.ok(),
            hook: instance.get_typed_func(&store, self.hook).ok(),
            execute: instance.get_typed_func(&store, "execute").ok(),
            page: None,
            store,
        })
    }
}

/// What is called, found once. A guest has some of it.
struct LimitedInstance {
    store: Store<State>,
    memory: Memory,
    nop: Option<TypedFunc<(), i32>>,
    malloc: Option<TypedFunc<u32, u32>>,
    free: Option<Free>,
    hook: Option<TypedFunc<(u32, u32), u64>>,
    execute: Option<TypedFunc<(u32, u32), i32>>,
    page: Option<u32>,
}

#[derive(Clone, Copy)]
enum Free {
    Sized(TypedFunc<(u32, u32), ()>),
    Plain(TypedFunc<u32, ()>),
}

impl LimitedInstance {
    fn give_back(&mut self, ptr: u32, len: u32) {
        match self.free {
            Some(Free::Sized(free)) => call(&mut self.store, &free, (ptr, len)),
            Some(Free::Plain(free)) => call(&mut self.store, &free, ptr),
            None => {}
        }
    }

    fn read(&self, ptr: u32, len: u32) -> Vec<u8> {
        assert!(len <= OUTPUT, "an output of {len} bytes");
        let (ptr, len) = (ptr as usize, len as usize);
        let bytes = self.memory.data(&self.store).get(ptr..ptr + len);
        bytes.expect("the output lies in the memory").to_vec()
    }
}

impl RawInstance for LimitedInstance {
    fn nop(&mut self) -> i32 {
        arm(&mut self.store);
        call(&mut self.store, self.nop.as_ref().expect("it exports nop"), ())
    }

    fn hook(&mut self, input: &[&[u8]]) -> Option<Vec<u8>> {
        arm(&mut self.store);
        let len = input_len(input);
        let ptr = call(&mut self.store, self.malloc.as_ref().expect("it exports malloc"), len);
        let mut at = ptr as usize;
        for part in input {
            let written = self.memory.write(&mut self.store, at, part);
            written.expect("malloc gives what there is");
            at += part.len();
        }
        let hook = self.hook.as_ref().expect("it exports the hook");
        let Some((at, size)) = output(call(&mut self.store, hook, (ptr, len))) else {
            self.give_back(ptr, len);
            return None;
        };
        let bytes = self.read(at, size);
        if !lies_in(at, ptr, len) {
            self.give_back(at, size);
        }
        self.give_back(ptr, len);
        Some(bytes)
    }

    fn execute(&mut self, params: &[u8]) -> i32 {
        arm(&mut self.store);
        let (store, memory) = (&mut self.store, self.memory);
        let ptr = *self.page.get_or_insert_with(|| {
            let pages = memory.grow(store.as_context_mut(), 1).expect("a page is allowed");
            u32::try_from(pages << 16).expect("memory is short of 4 GiB")
        });
        memory.write(&mut *store, ptr as usize, params).expect("a page is enough");
        let len = u32::try_from(params.len()).expect("a short input");
        call(store, self.execute.as_ref().expect("it exports execute"), (ptr, len))
    }
}

/// Gives the store the first slice of a call's fuel, and the call its deadline.
fn arm(store: &mut Store<State>) {
    store.set_fuel(SLICE).expect("fuel is on");
    let state = store.data_mut();
    state.reserve = FUEL - SLICE;
    state.deadline = Instant::now() + TIMEOUT;
}

/// Calls, and looks at the clock after every slice of fuel.
fn call<P: WasmParams, R: WasmResults>(
    store: &mut Store<State>,
    function: &TypedFunc<P, R>,
    params: P,
) -> R {
    let mut call = function.call_resumable(&mut *store, params).expect("it does not trap");
    loop {
        call = match call {
            TypedResumableCall::Finished(result) => return result,
            TypedResumableCall::OutOfFuel(suspended) => {
                let state = store.data_mut();
                assert!(Instant::now() < state.deadline, "the deadline has passed");
                let slice = suspended.required_fuel().max(SLICE);
                state.reserve = state.reserve.checked_sub(slice).expect("it has fuel left");
                store.set_fuel(slice).expect("fuel is on");
                suspended.resume(&mut *store).expect("it does not trap")
            }
            TypedResumableCall::HostTrap(trap) => panic!("{}", trap.host_error()),
        };
    }
}
