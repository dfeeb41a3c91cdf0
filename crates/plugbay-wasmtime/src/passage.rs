//! A whole call of the protocol in one piece.
//!
//! Each entry into compiled code makes a fiber, which takes a hundred times what a call between
//! two functions of a guest takes. A hook is entered three or four times: `malloc`, the hook,
//! `free` of the output and of the input. So a small module of our own makes these calls from
//! inside, one entry for all of them, and calls back to have the documents copied.
//!
//! A store cannot hold what is borrowed, so the documents lie in a variable of the thread that
//! polls the call, for as long as each poll lasts.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::OnceLock;

use plugbay_runtime::abi::interface::{Allocator, Free};
use plugbay_runtime::abi::protocol::{PackedCall, ProtocolError, ReadOutput, lies_in, read_packed};
use plugbay_runtime::abi::{ExportId, Packed, write_parts};
use scoped_tls_hkt::{ReborrowMut, scoped_thread_local};
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
    Module as Encoder, TypeSection, ValType,
};
use wasmtime::{Caller, Engine, Extern, Func, Instance, Module, Store, TypedFunc};

use crate::cache::{self, CodeCache};
use crate::state::{Bytes, State};

scoped_thread_local!(static mut DOCUMENTS: for<'a> Documents<'a>);

/// The documents of a whole call: its input on the way in, who takes its output on the way out.
struct Documents<'a> {
    input: &'a [&'a [u8]],
    output_limit: u64,
    read: &'a mut ReadOutput<'a>,
}

impl<'a, 'b: 'a> ReborrowMut<'a> for Documents<'b> {
    type Result = Documents<'a>;

    fn reborrow_mut(&'a mut self) -> Documents<'a> {
        let Self { input, output_limit, read } = self;
        Documents { input, output_limit: *output_limit, read: &mut **read }
    }
}

/// Polls `run`, which is a call of a [`Run`], with the documents of `call` at hand.
pub(crate) async fn carry<T>(
    call: PackedCall<'_>,
    read: &mut ReadOutput<'_>,
    run: impl Future<Output = T>,
) -> T {
    let mut documents =
        Documents { input: call.input, output_limit: call.output_limit, read: &mut *read };
    let mut run = pin!(run);
    poll_fn(|context| DOCUMENTS.set(documents.reborrow_mut(), || run.as_mut().poll(context))).await
}

/// The module, by what there is to free with; made when it is first needed.
pub(crate) struct Passages {
    engine: Engine,
    cache: Option<CodeCache>,
    /// Whether an instance's first call is made in one piece, too.
    pub(crate) at_once: bool,
    modules: [OnceLock<Option<Module>>; 3],
}

/// `(len) -> packed`: the whole call.
pub(crate) type Run = TypedFunc<u32, u64>;

/// How a guest frees.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Freeing {
    Never,
    ByPointer,
    BySize,
}

impl Freeing {
    fn of(free: Option<Free>) -> Self {
        match free {
            None => Self::Never,
            Some(free) if free.sized => Self::BySize,
            Some(_) => Self::ByPointer,
        }
    }
}

impl Passages {
    pub(crate) fn new(engine: &Engine, cache: Option<CodeCache>, at_once: bool) -> Self {
        Self { engine: engine.clone(), cache, at_once, modules: Default::default() }
    }

    /// The whole call of the function `hook`, for an instance whose functions `function` finds.
    /// `None` where it cannot be made; then it is made step by step.
    pub(crate) async fn join(
        &self,
        store: &mut Store<State>,
        hook: ExportId,
        allocator: Allocator,
        function: impl Fn(ExportId) -> Option<Func>,
    ) -> Option<Run> {
        let freeing = Freeing::of(allocator.free);
        let place = match freeing {
            Freeing::Never => &self.modules[0],
            Freeing::ByPointer => &self.modules[1],
            Freeing::BySize => &self.modules[2],
        };
        let module = place
            .get_or_init(|| cache::module(&self.engine, self.cache.as_ref(), &encode(freeing)).ok())
            .as_ref()?;
        let mut imports: Vec<Extern> = vec![
            function(allocator.alloc)?.into(),
            function(hook)?.into(),
            Func::wrap(&mut *store, bring).into(),
            Func::wrap(&mut *store, fetch).into(),
        ];
        if let Some(free) = allocator.free {
            imports.push(function(free.export)?.into());
        }
        let instance = Instance::new_async(&mut *store, module, &imports).await.ok()?;
        instance.get_typed_func(&mut *store, RUN).ok()
    }
}

/// Copies the input to where the guest's allocator said.
fn bring(mut caller: Caller<'_, State>, ptr: u32) -> wasmtime::Result<()> {
    let Some(memory) = caller.data().memory else { return Ok(()) };
    let memory = &mut Bytes(memory.data_mut(&mut caller));
    DOCUMENTS
        .with(|documents| write_parts(memory, ptr, documents.input))
        .map_err(|source| wasmtime::Error::new(ProtocolError::Allocation { source }))
}

/// What is freed when the guest has returned.
const INPUT: u32 = 1;
const BOTH: u32 = 2;

/// Shows the output of a call with `len` bytes of input at `ptr`, and says what to free.
fn fetch(mut caller: Caller<'_, State>, packed: u64, ptr: u32, len: u32) -> wasmtime::Result<u32> {
    let packed = Packed::from(packed);
    let Some(memory) = caller.data().memory else { return Ok(INPUT) };
    let memory = &mut Bytes(memory.data_mut(&mut caller));
    let output = DOCUMENTS.with(|documents| {
        read_packed(memory, packed, documents.output_limit, |output| (documents.read)(output))
    });
    match output {
        Ok(Some(())) if !lies_in(packed.ptr(), (ptr, len)) => Ok(BOTH),
        Ok(_) => Ok(INPUT),
        Err(error) => Err(wasmtime::Error::new(error)),
    }
}

const RUN: &str = "run";

/// The module: `run(len)` calls `malloc`, `bring`, the hook, `fetch` and `free`.
fn encode(freeing: Freeing) -> Vec<u8> {
    use ValType::{I32, I64};
    let free_params: &[ValType] = if freeing == Freeing::BySize { &[I32, I32] } else { &[I32] };

    let mut types = TypeSection::new();
    let mut imports = ImportSection::new();
    let signatures: [(&str, &[ValType], &[ValType]); 5] = [
        ("malloc", &[I32], &[I32]),
        ("hook", &[I32, I32], &[I64]),
        ("bring", &[I32], &[]),
        ("fetch", &[I64, I32, I32], &[I32]),
        ("free", free_params, &[]),
    ];
    let count = if freeing == Freeing::Never { 4 } else { 5 };
    let (malloc, hook, bring, fetch, free) = (0, 1, 2, 3, 4);
    for (index, (name, params, results)) in (0..).zip(signatures.into_iter().take(count)) {
        types.ty().function(params.iter().copied(), results.iter().copied());
        imports.import("plugin", name, EntityType::Function(index));
    }
    let run_type = types.len();
    types.ty().function([I32], [I64]);
    let run = imports.len();

    let (len, ptr, what, packed) = (0, 1, 2, 3);
    let mut body = Function::new([(2, I32), (1, I64)]);
    let mut code = body.instructions();
    code.local_get(len).call(malloc).local_tee(ptr).call(bring);
    code.local_get(ptr).local_get(len).call(hook).local_tee(packed);
    code.local_get(ptr).local_get(len).call(fetch).local_set(what);
    if freeing != Freeing::Never {
        let sized = freeing == Freeing::BySize;
        code.local_get(what).i32_const(BOTH.cast_signed()).i32_eq();
        code.if_(wasm_encoder::BlockType::Empty);
        code.local_get(packed).i64_const(32).i64_shr_u().i32_wrap_i64();
        if sized {
            code.local_get(packed).i32_wrap_i64();
        }
        code.call(free).end();
        code.local_get(ptr);
        if sized {
            code.local_get(len);
        }
        code.call(free);
    }
    code.local_get(packed).end();

    let mut functions = FunctionSection::new();
    functions.function(run_type);
    let mut exports = ExportSection::new();
    exports.export(RUN, ExportKind::Func, run);
    let mut codes = CodeSection::new();
    codes.function(&body);
    let mut module = Encoder::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&codes);
    module.finish()
}
