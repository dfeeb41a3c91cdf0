//! How long instances live, who has them, and what two engines make of one plugin.

#![allow(missing_docs, reason = "a test binary")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail as the test does"
)]

#[path = "instances/crowd.rs"]
mod crowd;
#[path = "instances/guests.rs"]
mod guests;
#[path = "instances/modes.rs"]
mod modes;
#[cfg(all(feature = "wasmtime", feature = "wasmi"))]
#[path = "instances/pairs.rs"]
mod pairs;
#[path = "instances/streams.rs"]
mod streams;
#[path = "instances/usage.rs"]
mod usage;

/// One module of tests for each engine of the build, the engine in each test's name.
macro_rules! on_each_backend {
    ($($module:ident { $($test:ident)* })*) => {
        #[cfg(feature = "wasmtime")]
        mod wasmtime {
            $(mod $module { $(#[test] fn $test() { crate::$module::$test("wasmtime") })* })*
        }
        #[cfg(feature = "wasmi")]
        mod wasmi {
            $(mod $module { $(#[test] fn $test() { crate::$module::$test("wasmi") })* })*
        }
    };
}

on_each_backend! {
    modes {
        a_pool_lends_the_same_instance_again
        nothing_leaks_from_one_fresh_instance_to_the_next
        a_heap_begins_anew_with_each_fresh_instance
        init_runs_once_for_all_fresh_instances
        a_snapshot_of_a_reactor_is_not_started_again
        what_allows_no_snapshot_is_initialised_each_time
        fresh_instances_with_pages_of_the_hosts_own
        fresh_instances_of_an_action
        cleanup_is_called_once_where_instances_are_fresh
        a_single_instance_keeps_order_and_state
        a_single_instance_that_fails_is_replaced
        the_queue_for_a_single_instance_has_an_end
        no_more_instances_than_the_pool_may_have
        two_threads_do_not_wait_for_each_other
    }
    streams {
        a_stream_keeps_its_instance
        a_lease_goes_back_to_the_pool
        a_lease_that_fails_goes_on_with_another_instance
        a_client_that_leaves_in_the_middle_of_a_chunk_takes_the_instance_along
        streams_leave_the_pool_to_the_calls
        a_fresh_instance_for_each_stream
        a_single_instance_is_not_leased
        shutting_down_waits_for_streams
        a_stream_that_gets_no_instance_in_time_is_told
    }
    usage {
        memory_is_what_instances_hold_and_goes_with_them
        fresh_instances_are_counted_while_they_live
        what_a_stream_holds_is_busy
        a_meter_is_told_what_a_call_used_failed_or_not
    }
    crowd {
        a_hundred_plugins_one_of_which_spins
    }
}
