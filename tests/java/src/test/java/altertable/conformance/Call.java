package altertable.conformance;

import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.function.Supplier;

/** A call on its way. */
final class Call {
  final Message asked;
  private final Driver driver;
  private final CountDownLatch resumed = new CountDownLatch(1);
  private volatile Future<?> task;
  private volatile AutoCloseable connection = () -> {};

  Call(Message asked, Driver driver) {
    this.asked = asked;
    this.driver = driver;
  }

  /** Tells the program the {@code answer}, why it {@code cannot} be made, and so on. */
  void reply(String word, Object content) {
    driver.say(Map.of("call", asked.call(), word, content));
  }

  /** Hears how many lines or batches have arrived, and waits if the call is to pause there. */
  void arrived(int items, Supplier<Object> soFar) throws InterruptedException {
    if (asked.pauseAfter() != null && asked.pauseAfter() == items) {
      reply("paused", soFar.get());
      resumed.await();
    }
  }

  void resume() {
    resumed.countDown();
  }

  void madeBy(Future<?> running) {
    task = running;
  }

  /** What to close if the call is to break off while its task cannot be interrupted. */
  void goesOver(AutoCloseable open) {
    connection = open;
  }

  void hangUp() throws Exception {
    task.cancel(true);
    connection.close();
  }
}
