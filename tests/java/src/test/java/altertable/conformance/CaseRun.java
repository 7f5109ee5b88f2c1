package altertable.conformance;

import altertable.conformance.Doors.Arrivals;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.apache.arrow.memory.BufferAllocator;

/** The steps of one case, one after another, and those in the background beside them. */
final class CaseRun implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 60;
  private static final List<String> VERBS = List.of("lakehouse", "analytics", "socket", "sql", "join", "drop", "pending", "sleep");
  private static final Arrivals UNHINDERED = (items, outcome) -> {};

  private final Spec.Case one;
  private final Doors doors;
  private final ExecutorService pool = Executors.newCachedThreadPool();
  private final Map<String, Object> vars = new HashMap<>();
  private final Map<String, Background> background = new HashMap<>();

  /** Stops once so many lines or batches have arrived, until it is resumed. */
  private record Gate(int after, CompletableFuture<Map<String, Object>> reached, CountDownLatch resume) implements Arrivals {
    @Override
    public void pass(int items, Supplier<Map<String, Object>> outcome) throws InterruptedException {
      if (items >= after && !reached.isDone()) {
        reached.complete(outcome.get());
        resume.await();
      }
    }
  }

  /** A running step, on a connection of its own. */
  private record Background(String verb, Future<Map<String, Object>> task, Gate gate, FlightDoor door) {
    void hangUp() throws InterruptedException {
      task.cancel(true);
      door.close();
    }
  }

  /** The answer was right, and only came too late. */
  static final class Late extends AssertionError {
    private static final long serialVersionUID = 1;

    Late(String told) {
      super(told);
    }
  }

  CaseRun(Spec.Case one, Target.Server server, BufferAllocator allocator) {
    this.one = one;
    doors = new Doors(one, server, allocator);
    vars.put("uuid", UUID.randomUUID().toString());
    doors.accounts.forEach((tenant, account) -> account.variables().forEach((name, value) -> {
      vars.put(tenant + "." + name, value);
      if (tenant.equals(one.tenants().get(0))) {
        vars.put(name, value);
      }
    }));
  }

  void run() throws Exception {
    for (int i = 0; i < one.steps().size(); i++) {
      try {
        step(one.steps().get(i));
      } catch (Unsupported unsupported) {
        throw unsupported;
      } catch (Late late) {
        throw new Late(at(i) + late.getMessage());
      } catch (TimeoutException timeout) {
        throw new Late(at(i) + "nothing came back within " + PATIENCE_SECONDS + " s");
      } catch (AssertionError mismatch) {
        throw new AssertionError(at(i) + mismatch.getMessage());
      } catch (Exception fault) {
        throw new AssertionError(at(i) + fault, fault);
      }
    }
  }

  private String at(int step) {
    return "step " + (step + 1) + ": " + Data.shortened(Data.encode(one.steps().get(step))) + "\n";
  }

  private void step(Object raw) throws Exception {
    int times = Data.asInt(Data.asMap(raw).getOrDefault("times", 1));
    for (int round = 0; round < times; round++) {
      vars.put("i", Data.number(round));
      once(Data.asMap(new Template(vars, false).fill(raw)));
    }
  }

  private void once(Map<String, Object> step) throws Exception {
    var verb = step.keySet().stream().filter(key -> VERBS.contains(key) || key.startsWith("flight.")).findFirst().orElseThrow();
    switch (verb) {
      case "sleep" -> Thread.sleep(span(step.get(verb)).toMillis());
      case "drop" -> background.remove(step.get(verb)).hangUp();
      case "pending" -> pending(background.get(step.get(verb)));
      case "join" -> join(background.remove(step.get(verb)), step);
      default -> {
        if (step.containsKey("background")) {
          start(verb, step);
        } else {
          untilItHolds(verb, step);
        }
      }
    }
  }

  /** What may be on its way gets a moment. */
  private static void pending(Background running) throws Exception {
    Thread.sleep(50);
    if (running.task().isDone()) {
      throw new AssertionError("the background step has ended: " + ended(running.task()));
    }
  }

  private void join(Background running, Map<String, Object> step) throws Exception {
    long began = System.nanoTime();
    running.gate().resume().countDown();
    judge(running.verb(), step, ended(running.task()), began);
  }

  private static <T> T ended(Future<T> task) throws Exception {
    try {
      return task.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException failed) {
      throw failed.getCause() instanceof Exception cause ? cause : failed;
    }
  }

  private void untilItHolds(String verb, Map<String, Object> step) throws Exception {
    long deadline = System.nanoTime() + span(step.getOrDefault("eventually", "0s")).toNanos();
    while (true) {
      long began = System.nanoTime();
      var action = doors.action(verb, step, doors.main);
      var outcome = ended(pool.submit(() -> action.run(UNHINDERED)));
      try {
        judge(verb, step, outcome, began);
        return;
      } catch (AssertionError mismatch) {
        if (System.nanoTime() >= deadline) {
          throw mismatch;
        }
        Thread.sleep(20);
      }
    }
  }

  private void start(String verb, Map<String, Object> step) throws Exception {
    var own = doors.open();
    var action = doors.action(verb, step, own);
    var gate = new Gate(Data.asInt(step.getOrDefault("pause_after", Integer.MAX_VALUE)), new CompletableFuture<>(), new CountDownLatch(1));
    var task = pool.submit(() -> {
      try {
        return action.run(gate);
      } finally {
        gate.reached().complete(null);
      }
    });
    background.put((String) step.get("background"), new Background(verb, task, gate, own));
    if (step.containsKey("pause_after")) {
      var soFar = ended(gate.reached());
      if (soFar == null) {
        throw new AssertionError("it ended before the pause: " + ended(task));
      }
      capture(step, soFar);
    }
  }

  private static Duration span(Object text) {
    var count = Long.parseLong(text.toString().replaceAll("[^0-9]", ""));
    return text.toString().endsWith("ms") ? Duration.ofMillis(count) : Duration.ofSeconds(count);
  }

  private void judge(String verb, Map<String, Object> step, Map<String, Object> outcome, long began) {
    var took = Duration.ofNanos(System.nanoTime() - began);
    var wanted = new LinkedHashMap<>(Data.asMap(step.get("expect")));
    switch (verb) {
      case "lakehouse", "analytics" -> wanted.putIfAbsent("status", Data.map("$between", List.of(Data.number(200), Data.number(299))));
      case "sql" -> wanted.putIfAbsent("error", null);
      case "socket" -> { }
      default -> wanted.putIfAbsent("status", "OK");
    }
    var found = new ArrayList<>(Check.outcome(wanted, outcome).stream().map(Object::toString).toList());
    if (step.containsKey("after") && took.compareTo(span(step.get("after"))) < 0) {
      found.add("took " + took + " instead of at least " + step.get("after"));
    }
    if (!found.isEmpty()) {
      throw new AssertionError(String.join("\n", found) + "\noutcome " + Data.shortened(Data.encode(outcome)));
    }
    if (step.containsKey("within") && took.compareTo(span(step.get("within"))) > 0) {
      throw new Late("took " + took + " instead of at most " + step.get("within"));
    }
    capture(step, outcome);
  }

  private void capture(Map<String, Object> step, Map<String, Object> outcome) {
    Data.asMap(step.get("capture")).forEach((name, pointer) -> vars.put(name, Data.at(outcome, (String) pointer)));
  }

  @Override
  public void close() throws Exception {
    for (var running : background.values()) {
      running.hangUp();
    }
    pool.shutdownNow();
    doors.close();
  }
}
