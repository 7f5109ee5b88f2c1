package altertable.conformance;

import altertable.conformance.Message.Verdict;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.*;
import org.apache.arrow.util.AutoCloseables;

/** Makes the calls that {@code altertable-conformance drive} asks for (conformance/spec/DRIVERS.md). */
final class Driver {
  private static final List<String> KINDS = List.of(
      "http", "socket", "sql.flight", "handshake", "info", "poll", "schema", "get", "put", "action", "actions", "rpc");

  private final Process program;
  private final BufferedWriter out;
  private final ExecutorService pool = Executors.newCachedThreadPool();
  private final Map<Long, Call> calls = new ConcurrentHashMap<>();
  private final Map<Long, FlightCalls> cases = new ConcurrentHashMap<>();
  private final BlockingQueue<Optional<Verdict>> verdicts = new LinkedBlockingQueue<>();

  /** Starts the program, and listens to it from then on. */
  Driver(List<String> command) throws IOException {
    program = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    out = program.outputWriter(StandardCharsets.UTF_8);
    say(Map.of("driver", "java", "calls", KINDS));
    var listening = new Thread(this::listen, "listening");
    listening.setDaemon(true);
    listening.start();
  }

  /** The next verdict, once there is one; none after the last. */
  Optional<Verdict> verdict() {
    try {
      return verdicts.take();
    } catch (InterruptedException stopped) {
      throw new IllegalStateException(stopped);
    }
  }

  int exitCode() throws InterruptedException {
    return program.waitFor();
  }

  synchronized void say(Object message) {
    try {
      out.write(Message.JSON.toJson(message) + "\n");
      out.flush();
    } catch (IOException gone) {
      throw new UncheckedIOException(gone);
    }
  }

  private void listen() {
    try (var lines = program.inputReader(StandardCharsets.UTF_8)) {
      for (var line = lines.readLine(); line != null; line = lines.readLine()) {
        hear(Message.JSON.fromJson(line, Message.class));
      }
    } catch (Exception fault) {
      program.destroy();
      throw new IllegalStateException(fault);
    } finally {
      pool.shutdownNow();
      verdicts.add(Optional.empty());
    }
  }

  private void hear(Message heard) throws Exception {
    if (heard.verdict() != null) {
      verdicts.add(Optional.of(heard.verdict()));
      var ended = cases.remove(heard.verdict().connection());
      pool.submit(() -> AutoCloseables.closeNoChecked(ended));
    } else if (heard.resume() != null) {
      Optional.ofNullable(calls.get(heard.resume())).ifPresent(Call::resume);
    } else if (heard.hangUp() != null) {
      var call = calls.remove(heard.hangUp());
      if (call != null) {
        call.hangUp();
      }
    } else {
      var call = new Call(heard, this);
      calls.put(heard.call(), call);
      call.madeBy(pool.submit(() -> make(call)));
    }
  }

  private void make(Call call) {
    try {
      var flight = cases.computeIfAbsent(call.asked.connection(), number -> new FlightCalls());
      var answer = switch (call.asked.kind()) {
        case "http" -> HttpCalls.send(call);
        case "socket" -> HttpCalls.exchange(call);
        case "sql.flight" -> flight.jdbc.run(call.asked);
        default -> flight.make(call);
      };
      call.reply(answer == null ? "declined" : "answer", answer == null ? true : answer);
    } catch (UnsupportedOperationException unsupported) {
      call.reply("cannot", String.valueOf(unsupported.getMessage()));
    } catch (Throwable fault) {
      call.reply("broke", fault.toString());
    } finally {
      calls.remove(call.asked.call());
    }
  }
}
