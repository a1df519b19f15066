#include <algorithm>
#include <csignal>
#include <functional>
#include <iostream>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sweep/child_process.hpp"
#include "sweep/commands/bench.hpp"
#include "sweep/commands/check.hpp"
#include "sweep/commands/export.hpp"
#include "sweep/commands/plan.hpp"
#include "sweep/commands/run.hpp"
#include "sweep/commands/show.hpp"
#include "sweep/commands/slurm.hpp"
#include "sweep/commands/status.hpp"
#include "sweep/commands/studies.hpp"
#include "sweep/versions.hpp"

namespace {

using namespace sweep;  // NOLINT(google-build-using-namespace): this file only wires commands

/// What to do once the command line is read.
using Action = std::function<int()>;

const std::map<std::string, DeviceChoice> devices_by_name = {
    {"auto", DeviceChoice::automatic}, {"cpu", DeviceChoice::cpu}, {"cuda", DeviceChoice::cuda}};

const std::map<std::string, Launcher> launchers_by_name = {{"mpirun", Launcher::mpirun},
                                                           {"srun", Launcher::srun}};

void add_sweep_options(CLI::App& command, SessionOptions& options) {
  command.add_option("CONFIG", options.choice.config, "the sweep's YAML file")->required();
  command.add_option("--output", options.choice.output,
                     "folder for the results (default: out/<name>)");
  command
      .add_option("--device", options.choice.device, "auto (a GPU where there is one), cpu or cuda")
      ->transform(CLI::CheckedTransformer(devices_by_name).description(""))
      ->take_last();  // a run that starts itself under mpirun says it again
  command
      .add_option("--set", options.choice.overrides,
                  "key=value in place of the config's, e.g. trial.epochs=5 or grid.seed=0..1")
      ->allow_extra_args(false);
  command
      .add_option_function<int>(
          "--pack-width",
          [&options](int width) {
            options.choice.overrides.push_back("run.pack_width=" + std::to_string(width));
          },
          "most trials in a pack (default: the config's, else the trainer's advice)")
      ->check(CLI::Range(1, 1'000'000).description(""));
  command.add_flag("--retry-failed", options.retry_failed,
                   "also repeat trials that failed with an exception");
}

void add_time_options(CLI::App& command, TimeOptions& time) {
  command.add_option_function<std::string>(
      "--time-limit",
      [&time](const std::string& text) {
        time.limit_s = parse_time(text);
        if (time.limit_s.value_or(0) > 0) return;
        throw CLI::ValidationError(
            "--time-limit",
            fmt::format("'{}' is no time, want minutes, minutes:seconds, hours:minutes:seconds, "
                        "days-hours, days-hours:minutes or days-hours:minutes:seconds",
                        text));
      },
      "save and stop within this time, e.g. 90, 1:30:00 or 2-12 (default: Slurm's limit)");
  command
      .add_option("--end-time", time.end_s,
                  "the same as a moment in Unix time, in place of Slurm's; 0: never")
      ->check(CLI::Range(0.0, 1e11).description(""))
      ->take_last();
}

void add_if_busy(CLI::App& command, SessionOptions& options) {
  static const std::map<std::string, IfBusy> choices_by_name = {{"refuse", IfBusy::refuse},
                                                                {"wait", IfBusy::wait}};
  command
      .add_option("--if-busy", options.if_busy,
                  "while another run holds the folder: refuse (after 10 s) or wait")
      ->transform(CLI::CheckedTransformer(choices_by_name).description(""));
}

/// Without what we add when we launch ourselves.
std::string as_typed(const std::vector<std::string>& arguments) {
  const auto end = std::ranges::find(arguments, kSupervisedOption);
  return fmt::format("mpisweep {}", fmt::join(arguments.begin(), end, " "));
}

void add_run(CLI::App& app, Action& action, std::vector<std::string> arguments) {
  auto* command = app.add_subcommand("run", "train what is missing of a sweep");
  command->footer(
      "Run the same command again to continue after any interruption.\n"
      "example: mpisweep run configs/quickstart.yaml --ranks 2\n"
      "exit codes: 0 done, 1 the sweep failed, 2 bad input, 3 some trials failed,\n"
      "            4 the folder is in use, 130/143 stopped by a signal, 143 out of time");
  auto options = std::make_shared<RunOptions>();
  options->session.command_line = as_typed(arguments);
  options->arguments = std::move(arguments);
  add_sweep_options(*command, options->session);
  command->add_option("--ranks", options->ranks, "MPI ranks (default: one per GPU, or per core)")
      ->check(CLI::Range(1, 1'000'000).description(""));
  command->add_option("--launcher", options->launcher, "mpirun (default) or srun, in a Slurm job")
      ->transform(CLI::CheckedTransformer(launchers_by_name).description(""));
  command->add_flag(std::string(kSupervisedOption), options->is_supervised)
      ->group("");  // not in the help
  command->add_option("--own-trainer", options->own_trainer)->group("");
  command->add_flag("--requeue", options->requeues,
                    "put our Slurm job back into its queue while trials are missing");
  command->add_option("--trainer-log", options->session.trainer_log,
                      "file for the trainers' output (default: log.txt in the output folder)");
  command->add_flag_callback(
      "--take-over", [options] { options->session.take_over = TakeOver::at_once; },
      "do not wait for a run on another host that is dead and left its lock");
  add_time_options(*command, options->session.time);
  add_if_busy(*command, options->session);
  command->callback([options, &action] { action = [options] { return run_command(*options); }; });
}

void add_plan(CLI::App& app, Action& action) {
  auto* command = app.add_subcommand("plan", "tell what would run; starts nothing");
  command->footer("example: mpisweep plan configs/quickstart.yaml");
  auto options = std::make_shared<PlanOptions>();
  add_sweep_options(*command, options->session);
  command->add_option("--ranks", options->ranks, "MPI ranks to plan for");
  command->add_flag("--json", options->as_json, "as JSON, the resolved settings included");
  command->callback([options, &action] { action = [options] { return plan_command(*options); }; });
}

void add_status(CLI::App& app, Action& action) {
  auto* command = app.add_subcommand("status", "tell how far a sweep is; reads files only");
  command->footer("example: mpisweep status out/quickstart");
  auto options = std::make_shared<StatusOptions>();
  command->add_option("DIR", options->folder, "output folder of a run")->required();
  command->add_flag("--json", options->as_json, "as JSON");
  command->callback(
      [options, &action] { action = [options] { return status_command(*options); }; });
}

void add_show(CLI::App& app, Action& action) {
  auto* command = app.add_subcommand("show", "print a table of mean ± 95 % interval over seeds");
  command->footer(
      "example: mpisweep show out/quickstart --by loss --metric final_train_accuracy --best 3");
  auto options = std::make_shared<ShowOptions>();
  command->add_option("DIR", options->folder, "output folder of a run")->required();
  command
      ->add_option("--by", options->summary.by, "axes that make a row (default: all but the seeds)")
      ->delimiter(',')
      ->allow_extra_args(false);
  command
      ->add_option("--metric", options->summary.metrics,
                   "variables to show (default: the study's main ones)")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--best", options->summary.best, "only the best N rows by the first metric")
      ->check(CLI::PositiveNumber.description(""));
  command->add_flag("--workers", options->of_workers,
                    "how busy each worker was, in place of means");
  command->add_flag("--json", options->as_json, "as JSON");
  command->callback([options, &action] { action = [options] { return show_command(*options); }; });
}

void add_export(CLI::App& app, Action& action) {
  auto* command = app.add_subcommand("export", "write everything to standard output");
  command->footer("example: mpisweep export out/quickstart --format csv > quickstart.csv");
  auto options = std::make_shared<ExportOptions>();
  static const std::map<std::string, ExportFormat> formats_by_name = {{"csv", ExportFormat::csv},
                                                                      {"json", ExportFormat::json}};
  command->add_option("DIR", options->folder, "output folder of a run")->required();
  command->add_option("--format", options->format, "csv (scalars) or json (curves too)")
      ->required()
      ->transform(CLI::CheckedTransformer(formats_by_name).description(""));
  command->callback(
      [options, &action] { action = [options] { return export_command(*options); }; });
}

void add_check(CLI::App& app, Action& action) {
  auto* command = app.add_subcommand("check", "tell what is wrong with an output folder");
  command->footer(
      "example: mpisweep check out/quickstart --repair\n"
      "exit codes: 0 sound, 1 something is wrong, 4 a run holds the folder (--repair)");
  auto options = std::make_shared<CheckOptions>();
  command->add_option("DIR", options->folder, "output folder of a run")->required();
  command->add_flag("--repair", options->should_repair,
                    "keep all that is good; a damaged journal stays beside as journal.damaged-1");
  command->add_flag("--json", options->as_json, "as JSON");
  command->callback([options, &action] { action = [options] { return check_command(*options); }; });
}

void add_studies(CLI::App& app, Action& action) {
  auto* command = app.add_subcommand("studies", "tell what the trainer can study");
  command->footer("example: mpisweep studies focus_classification");
  auto options = std::make_shared<StudiesOptions>();
  command->add_option("NAME", options->name, "one study, with its settings and variables");
  command->add_option("--trainer", options->trainer, "program to ask instead of the built-in one");
  command->add_flag("--json", options->as_json, "as JSON");
  command->callback(
      [options, &action] { action = [options] { return studies_command(*options); }; });
}

void add_bench(CLI::App& app, Action& action) {
  auto* command = app.add_subcommand("bench", "measure how fast this machine trains");
  command->footer(
      "Trains generated data in packs of growing width, half a minute on a CPU.\n"
      "example: mpisweep bench --device cuda");
  auto options = std::make_shared<BenchOptions>();
  command->add_option("--device", options->device, "auto (a GPU where there is one), cpu or cuda")
      ->transform(CLI::CheckedTransformer(devices_by_name).description(""));
  command
      ->add_option("--ranks", options->ranks,
                   "trainers at work at the same time, their rates together (default: 1)")
      ->check(CLI::Range(1, 1'000).description(""));
  command
      ->add_option("--epochs", options->epochs,
                   "of each measurement (default: 10); fewer are quicker and rougher")
      ->check(CLI::Range(1, 1'000'000).description(""));
  command
      ->add_option("--precision", options->precision,
                   "of products: float32 (default), tf32 or bf16, as in a config")
      ->check(CLI::IsMember({"float32", "tf32", "bf16"}).description(""));
  command->add_flag("--json", options->as_json, "as JSON");
  command->callback([options, &action] { action = [options] { return bench_command(*options); }; });
}

void add_slurm(CLI::App& app, Action& action) {
  auto* command = app.add_subcommand("slurm", "write a Slurm job script, and submit it");
  command->footer(
      "What no option says is taken from slurm: in the config, from "
      "~/.config/mpisweep/slurm.yaml,\n"
      "and from what the sweep has to do and the partition has.\n"
      "example: mpisweep slurm configs/quickstart.yaml --nodes 2 --gpus-per-node 4 --submit");
  auto options = std::make_shared<SlurmOptions>();
  auto& wishes = options->wishes;
  add_sweep_options(*command, options->session);
  command->add_option("--nodes", wishes.nodes, "nodes of the job")
      ->check(CLI::Range(1, 1'000'000).description(""));
  command->add_option("--gpus-per-node", wishes.gpus_per_node, "a rank for each; 0: CPUs only")
      ->check(CLI::Range(0, 1'000).description(""));
  command->add_option("--tasks-per-node", wishes.tasks_per_node, "ranks on a node without GPUs")
      ->check(CLI::Range(1, 100'000).description(""));
  command->add_option("--time", wishes.time, "limit of the job, such as 04:00:00");
  command->add_option("--partition", wishes.partition, "where to run (default: Slurm's)");
  command->add_option("--account", wishes.account, "to be charged");
  command->add_option("--launcher", wishes.launcher, "of the ranks: mpirun (default) or srun")
      ->transform(CLI::CheckedTransformer(launchers_by_name).description(""));
  command->add_option("--module", wishes.modules, "to load in the job; may be given again")
      ->allow_extra_args(false);
  command->add_option("--extra", wishes.extra, "more for sbatch, such as --extra='--mem=0'")
      ->allow_extra_args(false);
  add_if_busy(*command, options->session);
  command->add_flag("--submit", options->submits, "submit the job as well");
  command->callback([options, &action] { action = [options] { return slurm_command(*options); }; });
}

int run_command_line(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments.front() == kExecChildCommand) {
    return exec_child({arguments.begin() + 1, arguments.end()});
  }
  if (!arguments.empty() && arguments.front() == kExecDeafCommand) {
    return exec_deaf({arguments.begin() + 1, arguments.end()});
  }
  CLI::App app{"Runs a grid of trainings over the ranks of an MPI job and gathers the results."};
  app.require_subcommand(1);
  Action action;
  app.add_flag_callback(
      "--version",
      [] {
        print_versions();
        throw CLI::Success();
      },
      "print versions and the git commit");
  add_run(app, action, arguments);
  add_plan(app, action);
  add_status(app, action);
  add_show(app, action);
  add_export(app, action);
  add_check(app, action);
  add_slurm(app, action);
  add_studies(app, action);
  add_bench(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? to_int(ExitCode::success) : to_int(ExitCode::bad_input);
  }
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error with a name, not a death
  try {
    return run_command_line(argc, argv);
  } catch (const ConfigError& error) {
    std::cerr << error.what();
    return to_int(ExitCode::bad_input);
  } catch (const std::exception& error) {
    std::cerr << "mpisweep: " << error.what() << '\n';
    return to_int(ExitCode::sweep_failed);
  }
}
