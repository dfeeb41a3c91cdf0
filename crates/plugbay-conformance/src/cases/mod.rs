//! The cases, by what they are about.

mod calls;
mod files;
mod fuel;
mod loading;
mod memory;
mod protocol;
mod time;
mod traps;
mod waits;
mod wasi;

/// One list, from which the table of cases and each backend's tests are made.
macro_rules! cases {
    ($($group:ident { $($(#[$only:meta])? $case:ident)* })*) => {
        pub(crate) const ALL: &[crate::Case] = &[
            $($(
                $(#[$only])?
                (concat!(stringify!($group), "::", stringify!($case)), $group::$case),
            )*)*
        ];

        cases!(@tests ($) $($group { $($(#[$only])? $case)* })*);
    };
    (@tests ($d:tt) $($group:ident { $($(#[$only:meta])? $case:ident)* })*) => {
        #[doc(hidden)]
        #[macro_export]
        macro_rules! __for_each_case {
            ($d backend:ident) => {
                mod $d backend {
                    $(mod $group {
                        $($(#[$only])?
                        #[test]
                        fn $case() {
                            let name = concat!(stringify!($group), "::", stringify!($case));
                            $d crate::run(super::super::$d backend().as_ref(), name);
                        })*
                    })*
                }
            };
        }
    };
}

cases! {
    calls {
        numbers_of_every_type_pass_unchanged
        a_host_function_is_asked_with_its_arguments
        a_host_function_sees_and_changes_memory
        a_host_function_refuses
        a_host_function_answers_with_another_type
        a_host_function_grows_memory
        abort_carries_the_guests_message
        instances_share_nothing
        a_long_call_gives_way
        a_long_start_function_gives_way
        a_call_that_is_dropped_leaves_others_alone
        an_unknown_export_is_an_error
        an_import_that_is_exported_again
    }
    fuel {
        an_endless_loop_in_a_hook
        an_endless_loop_in_init
        an_endless_loop_in_malloc
        an_endless_loop_in_initialize
        an_endless_loop_in_start
        an_endless_recursion_of_tail_calls
        growing_by_nothing_is_not_free
        growing_in_vain_is_not_free
        filling_memory_is_paid_by_size
        copying_memory_is_paid_by_size
        growing_a_table_in_vain_is_not_free
        a_host_call_is_not_free
        a_host_call_is_paid_before_it_is_made
        host_calls_with_a_price_give_way
        writing_is_paid_by_size
        empty_buffers_are_paid_by_number
        random_bytes_are_paid_by_size
        every_wasi_call_costs
        fuel_is_shared_by_the_calls_until_reset
        start_and_the_first_call_share_fuel
        fuel_of_less_than_a_slice_is_kept_exactly
        unmetered_code_counts_nothing
        unmetered_code_is_held_to_its_deadline_where_it_calls_the_host
        unmetered_code_is_held_to_its_memory
    }
    time {
        a_deadline_ends_a_hook
        a_deadline_ends_init
        a_deadline_ends_malloc
        a_deadline_ends_initialize
        a_deadline_ends_start
        a_deadline_ends_a_loop_of_host_calls
        a_deadline_that_a_host_call_ran_past
        the_time_before_a_call_does_not_count
        a_deadline_is_armed_by_reset
        a_deadline_belongs_to_one_instance
        a_sleep_ends_when_the_clock_says_so
        a_sleep_does_not_outlive_the_deadline
        a_sleep_does_not_block
        a_poll_with_nothing_to_wait_for
        a_poll_that_makes_no_sense
        yielding_gives_way
        the_guests_clock_is_the_environments
    }
    waits {
        a_wait_does_not_block
        a_wait_ends_at_the_deadline
        a_wait_that_comes_too_late
        a_wait_is_given_up_with_the_call
        a_wait_may_fail
        a_wait_for_another_type
        a_wait_for_nothing
        waits_one_after_the_other
        a_wait_in_a_hook
        a_wait_in_a_start_function
        a_wait_that_is_exported_again
        a_wait_is_paid_once
    }
    memory {
        a_bomb_ends_at_the_limit
        a_guest_that_copes_with_the_limit_goes_on
        a_guest_that_copes_and_traps_later_is_told_of_the_limit
        a_refusal_is_forgotten_at_reset
        giving_up_in_other_ways_is_the_limits_doing_too
        a_maximum_of_the_modules_own_is_not_the_limit
        initial_memory_above_the_limit
        initial_memory_at_the_limit
        a_start_function_at_the_limit
        initialize_at_the_limit
        init_at_the_limit
        malloc_at_the_limit
        a_table_ends_at_the_limit
        tables_are_counted_together
        initial_table_above_the_limit
        the_host_is_held_to_the_limit_too
        no_memory_at_all
    }
    traps {
        unreachable
        division
        conversion
        memory_out_of_bounds
        table_out_of_bounds
        indirect_call_to_null
        indirect_call_with_another_signature
        recursion_until_the_stack_ends
        recursion_that_ends_in_time
        a_trap_in_start
        a_segment_that_does_not_fit
    }
    protocol {
        an_echo
        a_null_pointer_from_malloc_is_an_address
        malloc_past_the_end
        malloc_across_the_end
        output_past_the_end
        output_of_four_gigabytes
        output_over_the_limit
        no_output
        no_output_with_a_pointer
        output_that_is_no_text
        free_with_one_argument
        free_with_two_arguments
        an_answer_in_the_inputs_own_buffer_is_freed_once
        no_free_at_all
        documents_of_every_size_one_after_the_other
        what_is_freed_of_long_documents
        a_trap_in_free
        a_host_call_in_a_hook_sees_the_input
        a_trap_in_a_hook
        host_pages_survive_growth_by_the_guest
        missing_exports_are_named
        wrong_signatures_are_named
    }
    wasi {
        output_reaches_the_sink
        output_before_a_trap_is_kept
        output_in_several_buffers
        output_from_bad_addresses
        more_buffers_than_anyone_needs
        stdin_is_empty
        arguments_are_empty
        the_environment_is_empty
        configured_variables_are_seen
        there_are_no_files
        exit_with_success
        exit_with_a_code
        every_function_is_offered
        random_bytes
        bad_addresses
        descriptors_answer_alike
        streams_are_terminals
    }
    files {
        a_file_is_written_and_read_back
        the_directory_is_mounted_at_the_root
        appending_goes_to_the_end
        a_file_is_read_and_written_in_places
        creating_and_truncating
        directories_are_made_moved_and_removed
        descriptors_are_closed_and_moved
        descriptors_are_few
        a_directory_is_listed_by_name
        a_directory_is_listed_in_pieces
        dot_dot_leads_nowhere
        absolute_paths_lead_nowhere
        links_of_the_guests_own_cannot_lead_out
        #[cfg(unix)] links_made_by_others_lead_nowhere
        #[cfg(unix)] a_link_that_is_swapped_during_calls_leads_nowhere
        hard_links_lead_nowhere
        trailing_slashes_lead_nowhere
        long_names_are_refused
        odd_names_are_names
        renaming_does_not_cross_the_root
        nothing_changes_where_it_is_read_only
        #[cfg(unix)] what_is_no_file_is_not_opened
        bytes_are_counted_however_they_come
        room_comes_back
        unlinked_files_count_until_they_are_closed
        files_are_counted_of_every_kind
        instances_share_a_quota
        what_is_there_at_the_beginning_counts
    }
    loading {
        bytes_that_are_no_module
        a_module_cut_short
        an_invalid_module
        an_empty_module
        text_is_not_a_module
        exports_and_imports_are_listed
        a_start_function_runs_once
        a_start_function_is_not_an_export
        a_start_function_that_is_imported
        an_unknown_wasi_function
        a_wasi_function_with_another_signature
        an_import_under_two_signatures
        an_import_that_is_no_function
        an_import_of_what_no_host_can_answer
        proposals_that_are_off
        proposals_that_are_on
    }
}
